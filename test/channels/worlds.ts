/**
 * Databases that differ in hidden people and in nothing else: other values, other rows of one of them, or no such person. A guard stands before each;
 * its only account has as many end users as are asked for, each with a budget of their own.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grantRows } from '../../src/demo/database.ts';
import { tokenOf } from '../bulk/world.ts';
import { ISSUER, type Key, keySet, makeKey } from '../identity/issuer.ts';
import type { Login } from '../noninterference/lane.ts';
import { cloneOf, guardOn, runOnce } from '../noninterference/worlds.ts';
import { COMPUTES, GRANTS, KEYS, SCHEMA } from '../subjects/world.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase, serverAddress, superuserUrl } from '../support/postgres.ts';
import { Line } from './line.ts';
import { HIDDEN } from './people.ts';
import { type Routines, readRoutines } from './routines.ts';

/** The facts that each of the people may know. */
export const BUDGET = 200;

const PRINCIPAL = 'doctor';

const UNVACUUMED = `DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', t); END LOOP; END $$`;

/** Rows lie in the same order everywhere, and the planner knows nothing of them. */
const DATA = (person: string, visits: string, others = 0): string => `
INSERT INTO clinics SELECT i, 'clinic' || i, 20 * i FROM generate_series(1, 4) AS i;
INSERT INTO patient SELECT i, 'Name' || i, 'mail' || i, 40 + 7 * i, i, 1 + i % 3, 1 + i % 4, i % 2 = 0, date '1990-01-01' + i FROM generate_series(1, 4) AS i;
${person};
INSERT INTO patient SELECT i, 'Name' || i + ${others}, 'mail' || i, 40 + 3 * i + ${others}, i, 1 + i % 3, 1 + i % 4, i % 2 = 0, date '1990-01-01' + i FROM generate_series(6, 8) AS i;
INSERT INTO visit (id, patient_id, day, diag, clinic_id) SELECT i, 1 + i % 3, date '2026-01-01' + i, 'diag' || i % 5, 1 + i % 4 FROM generate_series(1, 6) AS i;
${visits};
INSERT INTO lab (id, patient_id, value) SELECT i, i, 10 * i FROM generate_series(1, 3) AS i;
INSERT INTO siblings VALUES (1, 1, 2, 'ab'), (2, 2, 3, 'bc'), (3, 3, NULL, 'c');
INSERT INTO profile VALUES (1, 'one', 1), (2, 'two', 2);
INSERT INTO region SELECT i, 'region' || i FROM generate_series(1, 4) AS i;
INSERT INTO station SELECT i, i FROM generate_series(1, 4) AS i;
INSERT INTO bed SELECT id, ward, id FROM patient WHERE id IN (1, ${HIDDEN});
INSERT INTO booking SELECT id, id, ward * 10 FROM patient WHERE id = ${HIDDEN};
INSERT INTO booking VALUES (1, 1, 5);
INSERT INTO chart SELECT id, weight, 1 FROM patient WHERE id <> ${HIDDEN};
INSERT INTO chart SELECT id, weight, weight - 57 FROM patient WHERE id = ${HIDDEN};
INSERT INTO room SELECT id, weight FROM patient WHERE id = ${HIDDEN};
INSERT INTO call (id, patient_id) SELECT 20, id FROM patient WHERE id = ${HIDDEN};
INSERT INTO remark SELECT id, id FROM call;
INSERT INTO district SELECT i, 'district' || i FROM generate_series(1, 4) AS i;
INSERT INTO house SELECT id, id, ward FROM patient;
INSERT INTO flat SELECT i, CASE WHEN EXISTS (SELECT FROM house WHERE id = i) THEN i END, (SELECT district_id FROM house WHERE id = i) FROM generate_series(1, 8) AS i;
INSERT INTO land SELECT i FROM generate_series(1, 6) AS i;
INSERT INTO migrant (id, patient_id, land_id) SELECT id, id, ward + 2 FROM patient WHERE id = ${HIDDEN};
INSERT INTO country SELECT i FROM generate_series(1, 4) AS i;
INSERT INTO lodger (patient_id, ward) SELECT id, ward FROM patient WHERE id IN (1, ${HIDDEN});
INSERT INTO account SELECT i FROM generate_series(1, 8) AS i;
INSERT INTO tenant SELECT id, id, name FROM patient WHERE id IN (2, ${HIDDEN});
INSERT INTO course SELECT i, i, (SELECT name FROM patient WHERE id = i) FROM generate_series(1, 8) AS i;
INSERT INTO course SELECT i, 1, 'own' FROM generate_series(40, 80) AS i;
INSERT INTO pledge SELECT id FROM patient WHERE id IN (1, ${HIDDEN});
INSERT INTO guest SELECT id, name, weight FROM patient;
INSERT INTO paper (id, code, kind, body) SELECT id, 10 * id, CASE id WHEN 1 THEN 57 ELSE weight END, name FROM patient;
INSERT INTO finding SELECT 1, NULL, date '2026-02-02', name FROM patient WHERE id = ${HIDDEN};
INSERT INTO shared_trip SELECT id, 1, weight, id FROM patient WHERE id = ${HIDDEN};
${COMPUTES ? 'ALTER TABLE queue DROP CONSTRAINT placed;' : ''}
INSERT INTO queue SELECT id, weight FROM patient WHERE id = ${HIDDEN};
INSERT INTO queue VALUES (2, NULL), (1, NULL), (3, NULL);
INSERT INTO queue SELECT id, weight FROM patient WHERE id > ${HIDDEN};
${COMPUTES ? 'ALTER TABLE queue ADD CONSTRAINT placed NOT NULL place NOT VALID;' : ''}
INSERT INTO turn SELECT id, id, CASE id WHEN ${HIDDEN} THEN weight ELSE id END, 10 * ward + id FROM patient WHERE id IN (1, ${HIDDEN});
INSERT INTO pass OVERRIDING SYSTEM VALUE SELECT id, name, weight FROM patient;
INSERT INTO memo SELECT id, id, weight, name FROM patient WHERE id IN (1, 2, ${HIDDEN});
INSERT INTO picky SELECT id, id, ward FROM patient;
${COMPUTES ? 'INSERT INTO slip (id, code, body) SELECT id, 10 * id, name FROM patient;' : ''}
INSERT INTO notes (id, body, n) SELECT i, 'note' || i, 40 + 5 * i FROM generate_series(1, 6) AS i;`;

const person = (values: string): string => `INSERT INTO patient VALUES (${HIDDEN}, ${values})`;
const visit = (id: number, values: string): string => `INSERT INTO visit VALUES (${id}, ${HIDDEN}, ${values})`;

/** The person as each of the databases has them. */
const PERSONS: readonly (readonly [person: string, visits: string, others?: number])[] = [
  [person(`'Mona Lopez', 'mona@example.org', 57, 12.5, 2, 3, true, '1984-05-06'`), visit(20, `'2026-03-01', 'flu', 2`)],
  [
    person(`'Zoe Quist Vandalen', NULL, 71, NULL, 3, 4, false, '2001-08-09'`),
    [
      visit(20, `'2026-03-01', 'flu', 2`),
      visit(21, `'2026-03-02', NULL, NULL`),
      `INSERT INTO profile VALUES (${HIDDEN}, 'five', 5)`,
    ].join(';'),
    // Others differ as well: what a question shows of many is told by each of them.
    1,
  ],
  ['SELECT 1', 'SELECT 1'],
];

/** One of the databases: the server itself, and through its guard. */
export interface World {
  readonly plain: Line;
  readonly guarded: Line;
  /** For second sessions. */
  readonly beside: { readonly plain: Line; readonly guarded: Line };
}

export interface Databases {
  routines(): Promise<Routines>;
  /** Puts guards in front of all of them. End what it returns before the databases. */
  guarded(): Promise<Guarded>;
  drop(): Promise<void>;
}

export interface Guarded {
  /** New connections to each of the databases. */
  open(): Promise<readonly World[]>;
  /** For a new end user of the account: the statement that sets the token first. */
  readonly begin: (user: string) => string;
  stop(): Promise<void>;
}

export async function makeDatabases(): Promise<Databases> {
  const first = await freshDatabase();
  const account = await first.createLogin();
  await runOnce(first.url, [SCHEMA, UNVACUUMED]);
  await grantRows(first.url, account.user);
  await runOnce(first.url, [`GRANT UPDATE ON ALL SEQUENCES IN SCHEMA public TO ${account.user}`]);
  const databases: FreshDatabase[] = [first];
  while (databases.length < PERSONS.length) databases.push(await cloneOf(first));
  for (const [i, { url, name }] of databases.entries()) {
    await runOnce(url, [DATA(...PERSONS[i]!)]);
    const settings = ['statement_timeout = 2000', 'jit = off', 'max_parallel_workers_per_gather = 0'];
    await runOnce(
      superuserUrl(),
      settings.map((setting) => `ALTER DATABASE ${name} SET ${setting}`),
    );
  }
  return {
    routines: () => readRoutines(first),
    async guarded() {
      const key = makeKey('EdDSA');
      const policies = await policiesWith(key);
      const guards = await Promise.all(databases.map((database) => guardOn(database, account, policies)));
      const lines: Line[] = [];
      const open = async (login: Login): Promise<Line> => {
        const line = await Line.open(login);
        lines.push(line);
        return line;
      };
      return {
        begin: (user) => `SET rowgate.token = '${tokenOf(key, user)}'`,
        open: () =>
          Promise.all(
            databases.map(async ({ name }, i) => {
              const both = async () => ({
                plain: await open({ ...serverAddress(), ...account, database: name }),
                guarded: await open({ port: guards[i]!.port, user: PRINCIPAL, password: PASSWORD, database: name }),
              });
              return { ...(await both()), beside: await both() };
            }),
          ),
        async stop() {
          for (const line of lines) line.end();
          await Promise.all(guards.map((guard) => guard.stop()));
          await rm(policies, { recursive: true, force: true });
        },
      };
    },
    async drop() {
      for (const database of databases.reverse()) await database.drop();
    },
  };
}

async function policiesWith(key: Key): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-channels-'));
  await mkdir(join(folder, 'roles'));
  const token = `token: { issuer: "${ISSUER}", keys: jwks.json, user: sub }`;
  const files = {
    'subjects.yaml': `subjects: { patient: { keys: ${KEYS} } }\n`,
    'jwks.json': keySet(key),
    'principals.yaml': `principals: { ${PRINCIPAL}: { role: doctor, password: "${VERIFIER}", ${token} } }\n`,
    'roles/doctor.yaml': `role: doctor${GRANTS}
statements: [copy_to, copy_from, explain, explain_analyze, listen, notify]
temporary: { picked: { n: integer } }
sequences: { notes_id_seq: [usage, select, update], call_id_seq: [update], guest_id_seq: [update], pass_id_seq: [update], memo_id_seq: [usage, select, update] }
collect: allow
limits: none
limits_per_user: { subjects: { patient: ${BUDGET} per 30 days } }
`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}
