/** Ways around the counting: none of them brings more people than the budget has. */
import { expect } from 'vitest';
import { bind } from '../../../src/protocol/bind.ts';
import { execute } from '../../../src/protocol/execute.ts';
import { parse } from '../../../src/protocol/parse.ts';
import { query } from '../../../src/protocol/query.ts';
import { sync } from '../../../src/protocol/simple-frontend.ts';
import { FIRST, PUPILS } from '../pupils.ts';
import { each, type Scenario, texts } from '../scenario.ts';
import { exchange } from '../thief.ts';
import { BUDGET } from '../world.ts';

const at = (i: number): number => FIRST + (i % PUPILS);

/** By the extended protocol, with a format for all columns. */
function extended(text: string, format: number, maxRows = 0): Buffer[] {
  return [
    parse({ name: '', text, types: [] }),
    bind({ portal: '', statement: '', formats: [], valueCount: 0, values: Buffer.alloc(0), resultFormats: [format] }),
    execute({ portal: '', maxRows }),
    sync(),
  ];
}

export const AROUND: readonly Scenario[] = [
  {
    name: 'names without keys',
    asked: PUPILS,
    run: texts(...each(10, (i) => `SELECT first_name FROM pupils WHERE class_id = ${i}`)),
  },
  {
    name: 'keys of other types and in other words',
    asked: PUPILS,
    run: texts(
      'SELECT id::text, first_name FROM pupils WHERE class_id = 1 ORDER BY id LIMIT 8',
      'SELECT id::bigint, first_name FROM pupils WHERE class_id = 2 ORDER BY id LIMIT 8',
      "SELECT to_char(id, 'FM9999999'), first_name FROM pupils WHERE class_id = 3 ORDER BY id LIMIT 8",
      'SELECT id + 0, first_name FROM pupils WHERE class_id = 4 ORDER BY id LIMIT 8',
      'SELECT to_hex(id), first_name FROM pupils WHERE class_id = 5 ORDER BY id',
    ),
    leaves: 39,
    note: 'the last one is kept for an error',
  },
  {
    name: 'the same people in text and in binary',
    asked: PUPILS,
    async run(thief) {
      const raw = await thief.raw();
      for (const [text, format] of [
        ['SELECT id, first_name FROM pupils WHERE id < 910021', 0],
        ['SELECT id, first_name FROM pupils WHERE id < 910021', 1],
        ['SELECT first_name, id FROM pupils WHERE id < 910021', 1],
        ['SELECT first_name, id FROM pupils ORDER BY id DESC', 1],
      ] as const) {
        await exchange(raw, extended(text, format));
      }
    },
  },
  {
    name: 'masked keys',
    asked: PUPILS,
    run: texts('SELECT pupil_id, body FROM letters', 'SELECT body FROM letters ORDER BY id DESC'),
    leaves: 21,
    note: 'the mask is a value beside the letter',
  },
  {
    name: 'arrays of keys',
    asked: PUPILS,
    run: texts(
      'SELECT pupil_ids, phone FROM guardians',
      'SELECT pupil_ids[1] FROM guardians ORDER BY id DESC',
      'SELECT p.id, g.pupil_ids FROM guardians AS g JOIN pupils AS p ON p.id = ANY (g.pupil_ids)',
    ),
  },
  {
    name: 'errors that quote what they read',
    asked: PUPILS,
    run: texts(
      ...each(20, (i) => `SELECT first_name::integer FROM pupils WHERE id = ${at(i)}`),
      ...each(20, (i) => `SELECT first_name::regclass FROM pupils WHERE id = ${at(i + 20)}`),
      ...each(20, (i) => `SELECT to_tsquery(first_name || ' ' || first_name) FROM pupils WHERE id = ${at(i + 40)}`),
      ...each(
        5,
        (i) => `SELECT ('$.' || first_name || ' ' || first_name)::jsonpath FROM pupils WHERE id = ${at(i + 60)}`,
      ),
      ...each(5, (i) => `SELECT current_setting(first_name) FROM pupils WHERE id = ${at(i + 65)}`),
      ...each(5, (i) => `SELECT date_trunc(first_name, now()) FROM pupils WHERE id = ${at(i + 70)}`),
      ...each(5, (i) => `UPDATE absences SET pupil_id = NULL WHERE pupil_id = ${at(i + 75)}`),
      ...each(5, (i) => `INSERT INTO absences SELECT 1, id, first_name, 1 FROM pupils WHERE id = ${at(i + 80)}`),
    ),
    leaves: 0,
  },
  {
    name: 'errors in the middle of rows',
    asked: PUPILS,
    run: texts(
      ...each(
        30,
        (i) => `SELECT id, first_name, 1 / (id - ${at(3 * i + 3)}) FROM pupils WHERE id >= ${at(3 * i)} ORDER BY id`,
      ),
    ),
    leaves: 30,
    note: 'each error costs one',
  },
  {
    name: 'settings and notifications that carry values',
    asked: PUPILS,
    run: texts(
      'LISTEN a',
      `SELECT count(pg_notify('a', first_name)) FROM pupils`,
      `SELECT FROM pupils WHERE pg_notify('a', first_name) IS NULL`,
      `SELECT count(set_config('application_name', first_name, false)) FROM pupils`,
      `SELECT 1 WHERE set_config('application_name', (SELECT first_name FROM pupils WHERE id = ${FIRST}), false) = ''`,
      'SHOW application_name',
      `SELECT FROM pupils WHERE set_config('search_path', first_name, false) = ''`,
    ),
    leaves: 0,
    note: 'refused',
  },
  {
    name: 'EXPLAIN, and the rows of nodes under ANALYZE',
    asked: PUPILS,
    run: texts(
      'EXPLAIN (VERBOSE) SELECT id, first_name FROM pupils',
      'EXPLAIN (ANALYZE, VERBOSE) SELECT id, first_name FROM pupils WHERE id = (SELECT min(id) FROM pupils)',
      'EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM generate_series(1, (SELECT max(id) FROM pupils)) AS i LIMIT 3',
      `EXPLAIN (ANALYZE, COSTS off) ${each(2, (n) => `SELECT FROM generate_series(1, (SELECT id FROM pupils OFFSET ${n} LIMIT 1))`).join(' UNION ALL ')}`,
    ),
    leaves: [0, 2],
    note: 'each eight bytes of a plan are a value',
  },
  {
    name: 'RETURNING',
    asked: PUPILS,
    run: texts(
      `UPDATE pupils SET class_id = class_id WHERE id < ${at(10)} RETURNING id, first_name`,
      `UPDATE pupils SET class_id = class_id WHERE id < ${at(20)} RETURNING first_name`,
      `WITH u AS (UPDATE pupils SET class_id = class_id RETURNING id, first_name) SELECT * FROM u ORDER BY id DESC`,
      `UPDATE pupils AS p SET class_id = p.class_id FROM pupils AS q WHERE q.id = p.id + 1 RETURNING p.id, q.first_name`,
      `MERGE INTO absences AS a USING pupils AS p ON p.id = a.pupil_id WHEN MATCHED THEN UPDATE SET reason = p.first_name RETURNING p.first_name`,
      'DELETE FROM absences RETURNING *',
    ),
    leaves: [28, 30],
    note: 'a name beside another’s key is a value, the row one, and a WITH that writes one more',
  },
  {
    name: 'a temporary table, filled and read',
    asked: PUPILS,
    run: texts(
      'CREATE TEMPORARY TABLE picked (what text)',
      'INSERT INTO picked SELECT first_name FROM pupils',
      ...each(
        30,
        (i) => `INSERT INTO picked SELECT first_name FROM pupils WHERE id >= ${at(4 * i)} ORDER BY id LIMIT 4`,
      ),
      'UPDATE picked SET what = what || (SELECT first_name FROM pupils WHERE id = 910300)',
      'SELECT * FROM picked',
      "SELECT string_agg(what, '') FROM picked",
    ),
    leaves: 0,
    note: 'refused: how long a text is that is put there nothing tells',
  },
  {
    name: 'a temporary table filled again after ROLLBACK',
    asked: PUPILS,
    run: texts(
      'BEGIN',
      'CREATE TEMPORARY TABLE people (pupil integer, what text)',
      'SAVEPOINT s',
      `INSERT INTO people (pupil) SELECT id FROM pupils WHERE id < ${at(5)}`,
      'ROLLBACK TO s',
      `INSERT INTO people (pupil) SELECT id FROM pupils WHERE id < ${at(5)}`,
      'SELECT * FROM people',
      `INSERT INTO people (pupil) SELECT id FROM pupils WHERE id >= ${at(5)} AND id < ${at(10)}`,
      'SELECT * FROM people',
      'COMMIT',
      `INSERT INTO people (pupil) SELECT id FROM pupils WHERE id >= ${at(10)} AND id < ${at(25)}`,
      'SELECT * FROM people',
    ),
    leaves: 10,
    note: 'what was undone has counted, too',
  },
  {
    name: 'a table about no person that is filled with names',
    asked: PUPILS,
    run: texts(
      'INSERT INTO notes (body) SELECT first_name FROM pupils',
      ...each(60, (i) => `INSERT INTO notes (body) SELECT first_name FROM pupils WHERE id = ${at(i)}`),
      `UPDATE notes SET body = (SELECT first_name FROM pupils WHERE pupils.id = ${at(100)} + notes.id % 100)`,
      `WITH n AS (INSERT INTO notes (body) SELECT first_name FROM pupils RETURNING body) SELECT count(*) FROM n`,
      'SELECT body FROM notes',
    ),
  },
  {
    name: 'all pupils’ names put under one pupil’s key',
    asked: PUPILS,
    run: texts(
      `INSERT INTO absences SELECT id - 900000, ${FIRST}, first_name, 1 FROM pupils`,
      ...each(
        39,
        (i) => `INSERT INTO absences SELECT ${20000 + i}, ${FIRST}, first_name, 1 FROM pupils WHERE id = ${at(i + 1)}`,
      ),
      `SELECT pupil_id, reason FROM absences WHERE pupil_id = ${FIRST}`,
      `INSERT INTO absences SELECT 30000, ${FIRST}, first_name, 1 FROM pupils WHERE id = ${at(100)}`,
      `INSERT INTO absences VALUES (30000, ${FIRST}, (SELECT first_name FROM pupils WHERE id = ${at(100)}), 1)`,
      `INSERT INTO absences VALUES (1, ${FIRST}, '', 1) ON CONFLICT (id) DO UPDATE SET reason = (SELECT first_name FROM pupils WHERE id = ${at(101)})`,
      `SELECT pupil_id, reason FROM absences WHERE pupil_id = ${FIRST}`,
    ),
    leaves: 39,
    note: 'two are kept for an error',
  },
  {
    name: 'the same by UPDATE and MERGE',
    asked: PUPILS,
    run: texts(
      `UPDATE absences AS a SET reason = p.first_name FROM pupils AS p WHERE p.id = ${at(200)} + a.id AND a.id <= 10`,
      `UPDATE absences SET reason = (SELECT first_name FROM pupils WHERE id = ${at(250)} + absences.id) WHERE id <= 10`,
      `UPDATE absences SET reason = reason || (SELECT first_name FROM pupils WHERE id = ${at(300)} + absences.id) WHERE id <= 10`,
      'SELECT pupil_id, reason FROM absences WHERE id <= 10',
      `MERGE INTO absences AS a USING pupils AS p ON p.id = a.id + ${at(100)} WHEN MATCHED AND a.id <= 10 THEN UPDATE SET reason = concat(a.reason, p.first_name)`,
      `MERGE INTO absences AS a USING pupils AS p ON p.id = a.id + ${at(100)} WHEN NOT MATCHED AND p.id < ${at(100)} THEN INSERT VALUES (p.id, ${FIRST}, p.first_name, 1)`,
      'SELECT pupil_id, reason FROM absences WHERE id <= 10 OR id > 900000',
    ),
    leaves: 10,
    note: 'of texts refused; what was read before has counted',
  },
  {
    name: 'other people’s records put under one pupil’s key',
    asked: PUPILS,
    run: texts(
      `UPDATE absences SET pupil_id = ${FIRST} WHERE id > 200`,
      ...each(18, (i) => `UPDATE absences SET pupil_id = ${FIRST} WHERE id = ${i + 200}`),
      `SELECT pupil_id, reason FROM absences WHERE pupil_id = ${FIRST}`,
      ...each(60, (i) => `UPDATE absences SET pupil_id = ${FIRST} WHERE id = ${i + 250}`),
      `UPDATE absences SET pupil_id = ${FIRST} WHERE id > 300 RETURNING pupil_id, reason`,
      `SELECT pupil_id, reason FROM absences WHERE pupil_id = ${FIRST}`,
    ),
    leaves: 20,
    note: 'each record counts as it gets another key, and so does the tag',
  },
  {
    name: 'a name that pupils are given in turn',
    asked: PUPILS,
    run: texts(
      ...each(
        60,
        (i) =>
          `UPDATE pupils SET first_name = (SELECT reason FROM absences WHERE id = ${300 + i}) WHERE id = ${FIRST} RETURNING id, first_name`,
      ),
    ),
    leaves: 0,
    note: 'refused: how long a text is that is put there nothing tells',
  },
  {
    name: 'views',
    asked: PUPILS,
    run: texts('SELECT * FROM roll WHERE class_id < 5', 'SELECT DISTINCT first_name FROM roll'),
    leaves: 22,
    note: 'each column of a view without a key is a value',
  },
  {
    name: 'groups by the name',
    asked: PUPILS,
    run: texts(
      'SELECT first_name, count(*) FROM pupils GROUP BY first_name',
      'SELECT count(*) FROM pupils GROUP BY first_name',
      'SELECT DISTINCT first_name FROM pupils',
      'SELECT class_id, first_name, count(*) FROM pupils GROUP BY ROLLUP (class_id, first_name)',
    ),
    leaves: [38, 39],
    note: 'one is set aside for the statement that finds too little left',
  },
  {
    name: 'a portal in pieces, left open while others run',
    asked: PUPILS,
    async run(thief) {
      const raw = await thief.raw();
      const open = (portal: string, text: string) => [
        parse({ name: portal, text, types: [] }),
        bind({ portal, statement: portal, formats: [], valueCount: 0, values: Buffer.alloc(0), resultFormats: [] }),
      ];
      const names = each(5, (i) => `p${i}`);
      await exchange(raw, [query('BEGIN')]);
      await exchange(raw, [
        ...names.flatMap((name, i) => open(name, `SELECT id, first_name FROM pupils WHERE class_id = ${i}`)),
        ...each(8, (i) => names.map((portal) => execute({ portal, maxRows: 2 + (i % 2) }))).flat(),
        sync(),
      ]);
      await exchange(raw, [query('ROLLBACK'), query('SELECT id, first_name FROM pupils')], 2);
    },
  },
  {
    name: 'rows of 200 kB with the key in the last column',
    asked: PUPILS,
    run: texts("SELECT repeat('x', 200000), first_name, id FROM pupils", 'SELECT id, first_name FROM pupils'),
    leaves: [38, 40],
    note: 'before its key has come all bytes of a row are values',
  },
  {
    name: 'as many rows as a number says, which MOVE and tags tell',
    asked: 60,
    async run(thief) {
      const client = await thief.client();
      const told: number[] = [];
      for (let i = 0; i < 60; i += 1) {
        const number = `SELECT FROM generate_series(${FIRST}, (SELECT id FROM pupils WHERE id = ${at(i)}))`;
        await thief.askAll(['BEGIN', `DECLARE c CURSOR FOR ${number}`], client);
        const moved = await client.query('MOVE ALL IN c').catch(() => undefined);
        if (moved?.rowCount) told.push(moved.rowCount);
        await thief.ask(client, 'ROLLBACK');
      }
      expect(told).toEqual(each(BUDGET - 1, (i) => i + 1));
    },
    leaves: 0,
    note: '39 numbers: one stays set aside for an error',
  },
  {
    name: 'several statements in a message',
    asked: PUPILS,
    run: texts(
      ...each(5, (n) =>
        each(
          10,
          (i) => `SELECT id, first_name FROM pupils WHERE class_id = ${(i + n) % 10} LIMIT 3 OFFSET ${3 * n}`,
        ).join(';'),
      ),
    ),
    leaves: [30, 40],
    note: 'one is set aside for each of them',
  },
  {
    name: 'an account locked out by the first row too many',
    role: 'locked',
    asked: PUPILS,
    async run(thief) {
      const clients = await Promise.all(each(5, () => thief.client()));
      await Promise.all(
        // Of two classes, so of more people than the budget has: a statement that is refused before it runs does not lock.
        clients.map((client, i) =>
          thief.ask(client, `SELECT id, first_name FROM pupils WHERE class_id IN (${i}, ${i + 5})`),
        ),
      );
      for (const client of clients) await thief.ask(client, 'SELECT id FROM pupils');
      // On a busy machine the lock ends a session before it hears of the limit.
      expect(thief.refusals.filter(({ code }) => code === '53400' || code === '57P05')).not.toEqual([]);
      await expect(thief.client()).rejects.toMatchObject({ code: '28000' });
    },
    leaves: [36, 40],
    note: 'one is set aside for each statement that runs',
  },
  {
    name: 'a limit on rows alone, ten connections',
    role: 'rows',
    asked: PUPILS,
    async run(thief) {
      const clients = await Promise.all(each(10, () => thief.client()));
      await Promise.all(
        clients.map((client, n) =>
          thief.askAll(
            each(5, (i) => `SELECT id, first_name FROM pupils WHERE id % 10 = ${n} OFFSET ${7 * i}`),
            client,
          ),
        ),
      );
    },
  },
  {
    name: 'seconds that start again',
    role: 'short',
    asked: PUPILS,
    async run(thief) {
      const client = await thief.client();
      await thief.ask(client, `SELECT id, first_name FROM pupils WHERE id < ${at(40)}`);
      await thief.ask(client, `SELECT id, first_name FROM pupils WHERE id >= ${at(40)}`);
      expect(thief.left()).toBeGreaterThan(BUDGET - 3);
      const before = thief.left();
      for (let second = 0; second < 20 && thief.left() === before; second++) {
        await new Promise((done) => setTimeout(done, 1_100));
        await thief.ask(client, `SELECT id, first_name FROM pupils WHERE id >= ${at(40)}`);
      }
    },
    leaves: [56, 60],
    note: '40 a second and 60 a day; what was set aside in a slot that has ended is lost',
  },
];
