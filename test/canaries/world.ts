/** A guard before a small database of pupils, some of whom are canaries. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import pino from 'pino';
import { canaryHash } from '../../src/policy/model/canaries.ts';
import { ISSUER, keySet, makeKey, token } from '../identity/issuer.ts';
import { type Alarm, receiveAlarms } from '../support/alarm-receiver.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

/** A pupil like any other; digits that nothing else holds. */
export const CANARY = 918273645;
const KEY = 'k'.repeat(40);
export const HASH = canaryHash(Buffer.from(KEY), 'pupil', String(CANARY));

const SCHEMA = `
  CREATE TABLE pupils (id integer PRIMARY KEY, name text NOT NULL, class integer NOT NULL, photo text);
  INSERT INTO pupils SELECT n, 'pupil ' || n, n % 10, repeat('x', 100) FROM generate_series(1, 200) n;
  INSERT INTO pupils VALUES (${CANARY}, 'pupil 201', 1, repeat('x', 100000));
  CREATE TABLE places (id integer PRIMARY KEY, pupil_id integer NOT NULL, room text);
  INSERT INTO places SELECT row_number() OVER (ORDER BY id), id, 'room ' || id % 7 FROM pupils;
  CREATE TABLE cards (id integer PRIMARY KEY, code integer, pupil_id integer GENERATED ALWAYS AS (code) STORED);
  INSERT INTO cards SELECT row_number() OVER (ORDER BY id), id FROM pupils;
  CREATE TABLE marks (pupil_id bigint NOT NULL, mark integer);
  INSERT INTO marks SELECT id, id % 20 FROM pupils;
  CREATE TABLE teams (id integer PRIMARY KEY, members integer[]);
  CREATE TABLE masked (id bigint PRIMARY KEY, name text, note text);
  INSERT INTO masked SELECT id, name, photo FROM pupils;
  CREATE TABLE masked_short (id bigint PRIMARY KEY, name text);
  INSERT INTO masked_short SELECT id, name FROM pupils;
  CREATE TABLE withheld (id integer PRIMARY KEY, name text);
  INSERT INTO withheld SELECT id, name FROM pupils;
  INSERT INTO teams VALUES (1, '{1,2}'), (2, '{3,${CANARY}}'), (3, '{{4,5},{6,${CANARY}}}')`;

const ROLE = `scope: { pupil: all }
tables:
  pupils:
    select: { columns: [id, name, class, photo] }
    update: { columns: [name] }
    delete: {}
  places:
    select: { columns: [id, pupil_id, room] }
    update: { columns: [pupil_id, room] }
  cards: { select: { columns: [id, pupil_id] }, update: { columns: [code] } }
  marks: { select: { columns: [pupil_id, mark] } }
  teams: { select: { columns: [id, members] } }
  masked: { select: { columns: [name, note], masks: { id: "0" }, rows: id > 0 } }
  masked_short: { select: { columns: [name], masks: { id: "0" }, rows: id > 0 } }
  withheld: { select: { columns: [name], rows: id > 0 } }
statements: [copy_to]
temporary: { mine: { who: integer } }
`;

export interface World {
  readonly database: FreshDatabase;
  readonly guard: TestGuard;
  /** Alarms as they were posted. */
  readonly alarms: readonly Alarm[];
  /** As `dba`, `owner` (of that role too), `observed`, `counter`, or a reader once more. */
  connect(principal: string): Promise<pg.Client>;
  reader(): Promise<{ name: string; client: pg.Client }>;
  /** A token of an end user of `portal`, an account of a reader's role. */
  token(user: string): string;
  /** The policies get to know of it. */
  layOut(): Promise<void>;
  kinds(kind: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

const READERS = 120;

/** `laidOut`: the policies know of the canary from the beginning. */
export async function canaryWorld(laidOut = true): Promise<World> {
  const database = await freshDatabase();
  await database.query(SCHEMA);
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-canaries-'));
  await mkdir(join(folder, 'policies', 'roles'), { recursive: true });
  const put = (path: string, text: string) => writeFile(join(folder, path), text);
  await put('canary.key', `${KEY}\n`);
  await chmod(join(folder, 'canary.key'), 0o600);
  const putSubjects = (canaries: string) =>
    put(
      'policies/subjects.yaml',
      `subjects:\n  pupil: { keys: [pupils.id, marks.pupil_id, places.pupil_id, cards.pupil_id, teams.members, masked.id, masked_short.id, withheld.id], canaries: [${canaries}] }\n`,
    );
  await putSubjects(laidOut ? `"${HASH}"` : '');
  await put('policies/roles/reader.yaml', `role: reader\n${ROLE}limits: none\n`);
  const limits = '{ subjects: { pupil: 1000 per day }, bytes_per_statement: 1 kB }';
  await put('policies/roles/counted.yaml', `role: counted\n${ROLE}limits: ${limits}\n`);
  await put('policies/roles/observed.yaml', `role: observed\nmode: observe\n${ROLE}limits: none\n`);
  await put(
    'policies/roles/counter.yaml',
    'role: counter\nscope: { pupil: all }\nmin_group: 5\ntables:\n  pupils: { select: { columns: [id, name, class] } }\nlimits: none\n',
  );
  await put('policies/roles/dba.yaml', 'role: dba\naccess: unrestricted\nlimits: none\n');
  const readers = Array.from({ length: READERS }, (_, n) => [`reader${n}`, 'reader']);
  const principals = [
    ...readers,
    ['counted0', 'counted'],
    ['counted1', 'counted'],
    ['counted2', 'counted'],
    ['counter', 'counter'],
    ['observed', 'observed'],
    ['dba', 'dba'],
    ['owner', 'dba'],
  ].map(([name, role]) => `  ${name}: { role: ${role}, password: "${VERIFIER}" }\n`);
  const key = makeKey('EdDSA');
  await put('policies/jwks.json', keySet(key));
  const rule = `{ issuer: "${ISSUER}", keys: jwks.json, user: sub }`;
  principals.push(`  portal: { role: reader, password: "${VERIFIER}", token: ${rule} }\n`);
  await put('policies/principals.yaml', `principals:\n${principals.join('')}`);
  const { url, alarms, stop: stopReceiver } = await receiveAlarms();
  const errors: string[] = [];
  const guard = await guardInFrontOf(database, {
    log: pino({ level: 'error' }, { write: (line: string) => void errors.push(line) }),
    policies: join(folder, 'policies'),
    configuration: `keys: { canaries: ${join(folder, 'canary.key')} }\nnotify: ${url}\n`,
  });
  if (errors.length > 0) throw new Error(errors.join(''));
  let next = 0;
  const connect = (principal: string) => guard.connect(principal, PASSWORD);
  return {
    database,
    guard,
    alarms,
    connect,
    async reader() {
      const name = `reader${next++}`;
      return { name, client: await connect(name) };
    },
    token(user) {
      const now = Math.floor(Date.now() / 1000);
      return token(key, { sub: user, iat: now - 60, exp: now + 300 });
    },
    layOut: () => putSubjects(`"${HASH}"`),
    kinds: async (kind) => (await guard.records()).filter((record) => record.kind === kind),
    async stop() {
      await guard.stop();
      stopReceiver();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
