/** The same script of messages at three places: straight at the server, through a guard that prepares nothing, and through one that prepares what comes again. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Backend } from '../../src/protocol/message-types.ts';
import { B, DP, E, P, S } from '../session/messages.ts';
import { ask, direct, type Peer } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const SCHEMA = `
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE pupils (id integer PRIMARY KEY, school integer, name text, born date, feels mood, seen timestamptz, points integer, code varchar(5));
CREATE TABLE visits (id integer PRIMARY KEY, pupil integer REFERENCES pupils DEFERRABLE INITIALLY DEFERRED, what text, code varchar(5));
CREATE TABLE answers (code text PRIMARY KEY, n integer);
CREATE FUNCTION takes_all() RETURNS void LANGUAGE plpgsql AS $$
  DECLARE taken text;
  BEGIN
    FOR taken IN SELECT name FROM pg_prepared_statements WHERE name LIKE 'rowgate%' LOOP
      EXECUTE format('DEALLOCATE %I', taken);
      EXECUTE format('PREPARE %I AS SELECT 666 AS id', taken);
    END LOOP;
  END $$;
CREATE FUNCTION takes_names() RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM takes_all(); RETURN 1; END';
CREATE FUNCTION lookn(wanted text) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT n FROM answers WHERE code = wanted';
`;

const ROWS = `
TRUNCATE pupils, visits, answers;
INSERT INTO pupils SELECT i, 12, 'pupil ' || i, date '2010-01-01' + i, 'glad', timestamptz '2026-01-01 12:00+00', i, 'c' || i FROM generate_series(1, 20) AS i;
INSERT INTO visits (id, pupil, what) SELECT i, i, 'visit ' || i FROM generate_series(1, 20) AS i;
INSERT INTO answers VALUES ('a', 1);
`;

const POLICIES: Readonly<Record<string, string>> = {
  'roles/clerk.yaml': `
role: clerk
attributes: { school: integer }
tables:
  pupils: { rows: school = :school, select: { columns: [id, school, name, born, feels, seen, points, code] } }
  visits:
    select: { columns: [id, pupil, what, code] }
    insert: { columns: [id, pupil, what, code] }
    update: { columns: [pupil, what, code] }
    delete: {}
limits: { rows_per_statement: 50 }
`,
  'roles/caller.yaml': `
role: caller
tables: { pupils: { select: { columns: [id] } } }
functions: [lookn, takes_names]
limits: none
`,
  'principals.yaml': `
principals:
  clerk: { role: clerk, attributes: { school: 12 }, password: "${VERIFIER}" }
  caller: { role: caller, password: "${VERIFIER}" }
`,
};

/** Messages that are sent together, up to the ReadyForQuery that they ask for; or what is done beside the session. */
export type Act = readonly Uint8Array[] | (() => Promise<unknown>);

export interface Played {
  /** What came, a frame each, with the bytes of it. */
  readonly frames: readonly string[];
  /** Types, tags, SQLSTATEs and positions alone: a restricted role is not told all that an error says. */
  readonly words: readonly string[];
  /** What stands in the table that is written. */
  readonly rows: readonly unknown[];
}

export interface Counted {
  readonly prepared: number;
  readonly reused: number;
  readonly dropped: number;
}

export class ReuseWorld {
  private constructor(
    readonly database: FreshDatabase,
    private readonly folder: string,
    private readonly without: TestGuard,
    readonly guard: TestGuard,
    private readonly native: string,
  ) {}

  static async make(): Promise<ReuseWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'rowgate-reuse-'));
    mkdirSync(join(folder, 'roles'), { recursive: true });
    for (const [path, text] of Object.entries(POLICIES)) writeFileSync(join(folder, path), text);
    const database = await freshDatabase();
    await database.query(SCHEMA);
    const without = await guardInFrontOf(database, { policies: folder, configuration: 'plans: { reuse: off }' });
    const guard = await guardInFrontOf(database, {
      policies: folder,
      configuration: 'plans: { reuse: on, after: 1, per_session: 3 }\nadmin: 127.0.0.1:0',
    });
    const { url, user } = await database.createLogin();
    await database.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO "${user}"`);
    return new ReuseWorld(database, folder, without, guard, url);
  }

  async close(): Promise<void> {
    await this.without.stop();
    await this.guard.stop();
    await this.database.drop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** @param undo brings the schema back behind each. */
  async play(
    script: readonly Act[],
    undo = 'SELECT 1',
    principal = 'clerk',
  ): Promise<{ server: Played; off: Played; on: Played; plans: Counted }> {
    const server = await this.at(this.native, script, undo);
    const off = await this.at(this.without.url(principal, PASSWORD), script, undo);
    const before = await this.counted();
    const on = await this.at(this.guard.url(principal, PASSWORD), script, undo);
    const now = await this.counted();
    const plans = {
      prepared: now.prepared - before.prepared,
      reused: now.reused - before.reused,
      dropped: now.dropped - before.dropped,
    };
    return { server, off, on, plans };
  }

  private async at(url: string, script: readonly Act[], undo: string): Promise<Played> {
    await this.database.query(ROWS);
    const peer = await direct(url);
    try {
      for (const act of script) await (typeof act === 'function' ? act() : ask(peer, ...act));
      const rows = await this.database.query('SELECT * FROM visits ORDER BY id');
      return { ...playedBy(peer), rows };
    } finally {
      await peer.close();
      await this.database.query(undo);
    }
  }

  private async counted(): Promise<Counted> {
    const response = await fetch(`http://127.0.0.1:${this.guard.adminPort}/metrics`);
    const text = await response.text();
    const of = (event: string) =>
      Number(new RegExp(`^rowgate_plans_total\\{event="${event}"\\} (\\d+)`, 'm').exec(text)?.[1]);
    return { prepared: of('prepared'), reused: of('reused'), dropped: of('dropped') };
  }
}

function playedBy({ received }: Peer): Omit<Played, 'rows'> {
  // Settings are told when they change, wherever the server comes to it first.
  const frames = received.frames.filter(({ type }) => type !== Backend.ParameterStatus);
  const errors = received.errors();
  let error = 0;
  const words = received.words().flatMap((word) => {
    if (word === 'ParameterStatus') return [];
    if (!word.startsWith('ErrorResponse')) return [word];
    const at = errors[error++]?.get('P');
    return [at === undefined ? word : `${word}@${at}`];
  });
  return {
    frames: frames.map(({ type, bytes }) => `${String.fromCharCode(type)} ${Buffer.from(bytes).toString('latin1')}`),
    words,
  };
}

export const times = (count: number, ...acts: Act[]): Act[] => Array.from({ length: count }, () => acts).flat();

/** As libpq, pgjdbc and node-postgres run a statement once. */
export const run = (text: string, values: string[] = [], types: number[] = []): Act => [
  P(text, '', types),
  B(values),
  DP(),
  E(),
  S(),
];
