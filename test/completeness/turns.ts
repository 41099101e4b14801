/** What clients send in one go, and how many ReadyForQuery the server answers with. Each statement carries its own number. */

import { B, D, DONE, E, P, Q, S } from '../session/messages.ts';
import type { Random } from '../support/random.ts';

export interface Turn {
  readonly messages: readonly Uint8Array[];
  readonly ends: number;
}

/** `mark` gives the next number. */
type Make = (mark: () => number, random: Random) => Turn;

/** Queries that do not wait for each other. */
const queries = (...texts: string[]): Turn => ({ messages: texts.map(Q), ends: texts.length });
/** Messages of the extended protocol, up to one Sync. */
const batch = (...messages: Uint8Array[]): Turn => ({ messages: [...messages, S()], ends: 1 });

export const TURNS: readonly Make[] = [
  (mark) => queries(`SELECT count(*), ${mark()} FROM students`),
  (mark) => queries(`SELECT ${mark()}`, `SELECT id, ${mark()} FROM students LIMIT 3`, `SELECT ${mark()}`),
  // Several in one message: all of them, up to an error, and none.
  (mark) =>
    queries(`SELECT ${mark()} FROM classes LIMIT 1; SELECT count(*), ${mark()} FROM students; SELECT ${mark()}`),
  (mark) =>
    queries(
      `SELECT ${mark()}; SELECT 1 / (${mark()} - id) FROM classes WHERE id = 0; SELECT 1 / 0, ${mark()}; SELECT ${mark()}`,
    ),
  (mark) => queries(`SELECT ${mark()}; SELECT ine, ${mark()} FROM students LIMIT 1`),
  (mark) => queries(`BEGIN /* ${mark()} */; SELECT ${mark()} FROM students LIMIT 1; COMMIT /* ${mark()} */`),
  // Refused to all but one.
  (mark) => queries(`SELECT ine, ${mark()} FROM students LIMIT 1`),
  (mark) => batch(P(`SELECT ine, ${mark()} FROM students LIMIT 1`), B(), E()),
  (mark) => queries(`DO $$ BEGIN PERFORM ${mark()}; END $$`),
  // Pipelined, with parameters, up to an error.
  (mark) =>
    batch(P(`SELECT id, ${mark()} FROM students WHERE id < $1`), B(['5']), E(), P(`SELECT ${mark()}`), B(), E()),
  (mark) =>
    batch(P(`SELECT ${mark()}`), B(), E(), P(`SELECT 1 / 0, ${mark()}`), B(), E(), P(`SELECT ${mark()}`), B(), E()),
  // Prepared, and run again, before and after a Sync.
  (mark, random) => {
    const text = `SELECT count(*), ${mark()} FROM students WHERE id < $1`;
    const name = text.replace(/\D/g, '');
    const again = () => Array.from({ length: 1 + random.int(3) }, () => [B(['9'], '', name), E()]).flat();
    return { messages: [P(text, name), ...again(), S(), ...again(), S()], ends: 2 };
  },
  (mark) => {
    const p = `p${mark()}`;
    return queries(`PREPARE ${p} AS SELECT count(*) FROM students`, `EXECUTE ${p}`, `EXECUTE ${p}`, `DEALLOCATE ${p}`);
  },
  // In parts.
  (mark) => batch(P(`SELECT id, ${mark()} FROM students LIMIT 7`), B(), E('', 3), E('', 3), E('', 3)),
  (mark) => {
    const c = `c${mark()}`;
    const declared = [`BEGIN /* ${mark()} */`, `DECLARE ${c} CURSOR FOR SELECT id FROM students`];
    return queries(...declared, `FETCH 3 FROM ${c}`, `FETCH 3 FROM ${c}`, `CLOSE ${c}`, `COMMIT /* ${mark()} */`);
  },
  (mark) => {
    const s = `s${mark()}`;
    const begun = [`BEGIN /* ${mark()} */`, `SAVEPOINT ${s}`, `SELECT 1 / 0, ${mark()}`];
    return queries(...begun, `ROLLBACK TO ${s}`, `SELECT ${mark()}`, `RELEASE ${s}`, `ROLLBACK /* ${mark()} */`);
  },
  (mark) => queries(`COPY (SELECT id, ${mark()} FROM students LIMIT 20) TO STDOUT`),
  (mark) => {
    const table = `t${mark()}`;
    const made = queries(`CREATE TEMP TABLE ${table} (a int)`, `COPY ${table} FROM STDIN`);
    return { messages: [...made.messages, D('1\n2\n'), DONE, Q(`INSERT INTO ${table} VALUES (3)`)], ends: 3 };
  },
  (mark) => {
    const table = `t${mark()}`;
    return queries(`CREATE TABLE ${table} (a int)`, `ALTER TABLE ${table} ADD b text`, `DROP TABLE ${table}`);
  },
];
