/** Plays the same script of messages at three places: at the server, through a guard that prepares nothing, and through one that prepares repeated statements. */
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
CREATE TABLE pupils (id integer PRIMARY KEY, school integer, name text, born date, feels mood, seen timestamptz, points integer, code varchar(5), tag char(5));
CREATE TABLE visits (id integer PRIMARY KEY, pupil integer REFERENCES pupils DEFERRABLE INITIALLY DEFERRED, what text, code varchar(5));
CREATE TABLE answers (code text PRIMARY KEY, n integer);
CREATE TABLE ruled (id integer);
CREATE RULE shows AS ON INSERT TO ruled DO ALSO SELECT 'shown' AS word;
CREATE TABLE parts (id integer, what text) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
CREATE TABLE marks (id integer PRIMARY KEY, mark text);
CREATE TABLE tasks (id integer, state text, note text);
INSERT INTO tasks SELECT i, CASE WHEN i % 500 = 0 THEN 'open' ELSE 'done' END, repeat('x', 90) FROM generate_series(1, 10000) AS i;
CREATE INDEX open_tasks ON tasks (id) WHERE state = 'open';
ANALYZE tasks;
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.pupils (id text, name char(5));
GRANT USAGE ON SCHEMA elsewhere TO PUBLIC;
GRANT ALL ON elsewhere.pupils TO PUBLIC;
CREATE FUNCTION hides() RETURNS integer LANGUAGE plpgsql AS $$
  BEGIN
    CREATE TEMPORARY TABLE IF NOT EXISTS pupils (id text, name char(5));
    RETURN 1;
  END $$;
CREATE FUNCTION hides_late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM hides(); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON marks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hides_late();
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
TRUNCATE pupils, visits, answers, marks, elsewhere.pupils;
INSERT INTO pupils SELECT i, 12, 'pupil ' || i, date '2010-01-01' + i, 'glad', timestamptz '2026-01-01 12:00+00', i, 'c' || i, 't' || i FROM generate_series(1, 20) AS i;
INSERT INTO visits (id, pupil, what) SELECT i, i, 'visit ' || i FROM generate_series(1, 20) AS i;
INSERT INTO answers VALUES ('a', 1);
`;

const POLICIES: Readonly<Record<string, string>> = {
  'roles/clerk.yaml': `
role: clerk
attributes: { school: integer }
tables:
  pupils: { rows: school = :school, select: { columns: [id, school, name, born, feels, seen, points, code, tag] } }
  visits:
    select: { columns: [id, pupil, what, code] }
    insert: { columns: [id, pupil, what, code] }
    update: { columns: [pupil, what, code] }
    delete: {}
  tasks: { select: { columns: [id, state] } }
limits: { rows_per_statement: 50 }
`,
  'roles/caller.yaml': `
role: caller
tables: { pupils: { select: { columns: [id] } } }
functions: [lookn, takes_names]
limits: none
`,
  'roles/boss.yaml': `
role: boss
access: unrestricted
limits: none
`,
  'roles/watched.yaml': `
role: watched
mode: observe
tables: { visits: { rows: id < 3, select: { columns: [id] } } }
limits: { rows_per_statement: 1 }
`,
  'principals.yaml': `
principals:
  boss: { role: boss, password: "${VERIFIER}" }
  watched: { role: watched, password: "${VERIFIER}" }
  clerk: { role: clerk, attributes: { school: 12 }, password: "${VERIFIER}" }
  caller: { role: caller, password: "${VERIFIER}" }
`,
};

/** Messages that are sent together, up to the ReadyForQuery that they ask for; or what is done beside the session. */
export type Act = readonly Uint8Array[] | (() => Promise<unknown>);

export interface Played {
  /** The received frames, with the bytes of each. */
  readonly frames: readonly string[];
  /** Types, tags, SQLSTATEs and positions alone: a restricted role is not told all that an error says. */
  readonly words: readonly string[];
  /** The rows of the table that is written. */
  readonly rows: readonly unknown[];
}

export interface Counted {
  readonly prepared: number;
  readonly reused: number;
  readonly dropped: number;
}

const TRIES = 3;

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
    await database.query(`ALTER DATABASE "${database.name}" SET log_parameter_max_length_on_error = -1`);
    // Before the guards have read the catalog: behind each change of it they drop all plans.
    const { url, user } = await database.createLogin();
    await database.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO "${user}"`);
    const without = await guardInFrontOf(database, { policies: folder, configuration: 'plans: { reuse: off }' });
    const guard = await guardInFrontOf(database, {
      policies: folder,
      configuration: 'plans: { reuse: on, after: 1, per_session: 3 }\nadmin: 127.0.0.1:0',
    });
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
    for (let tries = TRIES; ; tries -= 1) {
      const before = await this.counted();
      const on = await this.at(this.guard.url(principal, PASSWORD), script, undo);
      const now = await this.counted();
      const plans = {
        prepared: now.prepared - before.prepared,
        reused: now.reused - before.reused,
        dropped: now.dropped - before.dropped,
      };
      // The catalog may have been read again in the middle, which drops all plans.
      if (plans.reused > 0 || plans.dropped === 0 || tries === 1) return { server, off, on, plans };
    }
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
