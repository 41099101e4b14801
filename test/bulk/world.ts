/** A guard in front of four hundred pupils, and stolen accounts, each with a budget of forty people a day. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ISSUER, type Key, keySet, makeKey, token } from '../identity/issuer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD, VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { schema } from './pupils.ts';
import { startTap } from './tap.ts';
import { Thief } from './thief.ts';

export const BUDGET = 40;

const TABLES = `
scope: { pupil: all }
tables:
  rooms: { select: { columns: "*" } }
  pupils: { select: { columns: [id, first_name, class_id, age] }, update: { columns: [class_id, first_name] } }
  absences:
    select: { columns: [id, pupil_id, reason, minutes] }
    insert: { columns: [id, pupil_id, reason, minutes] }
    update: { columns: [pupil_id, reason] }
    delete: {}
  letters: { select: { columns: [id, body], masks: { pupil_id: pupil_id % 10 } } }
  guardians: { select: { columns: [id, pupil_ids, phone] } }
  notes: { select: { columns: "*" }, insert: { columns: "*" }, update: { columns: "*" } }
  roll: { select: { columns: "*" } }
statements: [copy_to, explain, explain_analyze, listen, notify]
temporary: { picked: { what: text }, people: { pupil: integer, what: text } }
`;

/** A thief with the portal's password, and the token of one of its end users. */
const PER_USER: Readonly<Record<string, string>> = {
  thief: `limits: none\nlimits_per_user: { subjects: { pupil: ${BUDGET} per day } }`,
  collector: `collect: allow\nlimits: none\nlimits_per_user: { subjects: { pupil: ${BUDGET} per day } }`,
  locked: `limits: none\nlimits_per_user: { subjects: { pupil: ${BUDGET} per day lock } }`,
  rows: `limits: none\nlimits_per_user: { rows: ${BUDGET} per day, subjects: { pupil: 4000 per day } }`,
  short: `limits: none\nlimits_per_user: { subjects: { pupil: [${BUDGET} per second, 60 per day] } }`,
  /** Eight for each family, and for all of them together a hundred. */
  family: 'limits: { subjects: { pupil: 100 per day } }\nlimits_per_user: { subjects: { pupil: 8 per day } }',
};

const ROLES: Readonly<Record<string, string>> = {
  /** Stolen from a vendor. */
  thief: `limits: { subjects: { pupil: ${BUDGET} per day } }`,
  /** It may collect. */
  collector: `collect: allow\nlimits: { subjects: { pupil: ${BUDGET} per day } }`,
  locked: `limits: { subjects: { pupil: ${BUDGET} per day lock } }`,
  rows: `limits: { rows: ${BUDGET} per day, subjects: { pupil: 4000 per day } }`,
  short: `limits: { subjects: { pupil: [${BUDGET} per second, 60 per day] } }`,
};

export function roleText(name: string, limits: string): string {
  return `role: ${name}${TABLES}${limits}\n`;
}

/** The policies' files. `thieves`: the number of principals of each role, `thief1` and so on. `key`: each principal has many end users, and it signs their tokens. */
export async function policies(thieves: number, roles = ROLES, key?: Key): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-bulk-'));
  await mkdir(join(folder, 'roles'));
  const keys = '[pupils.id, absences.pupil_id, letters.pupil_id, guardians.pupil_ids]';
  await writeFile(join(folder, 'subjects.yaml'), `subjects: { pupil: { keys: ${keys} } }\n`);
  if (key) await writeFile(join(folder, 'jwks.json'), keySet(key));
  const principals: string[] = [];
  for (const [name, limits] of Object.entries(roles)) {
    await writeFile(join(folder, `roles/${name}.yaml`), roleText(name, limits));
    for (let i = 1; i <= thieves; i += 1) {
      const token = key ? `, token: { issuer: "${ISSUER}", keys: jwks.json, user: sub }` : '';
      principals.push(`  ${name}${i}: { role: ${name}, password: "${VERIFIER}"${token} }\n`);
    }
  }
  await writeFile(join(folder, 'principals.yaml'), `principals:\n${principals.join('')}`);
  return folder;
}

export interface BulkWorld {
  readonly database: FreshDatabase;
  readonly guard: TestGuard;
  /** The folder of its policies. */
  readonly folder: string;
  readonly password: string;
  /** A token of one of the end users. */
  token(user: string): string;
  /** A new account, or person, from which nothing was taken yet. */
  thief(role?: string): Promise<Thief>;
  stop(): Promise<void>;
}

export interface BulkOptions {
  /** YAML of each role beside its name and tables. */
  readonly roles?: Readonly<Record<string, string>>;
  readonly configuration?: string;
  /** Each new thief is another person behind one account for each role. */
  readonly people?: boolean;
}

/** Accounts of each role that have end users. */
const PORTALS = 4;

export async function bulkWorld(options: BulkOptions = {}): Promise<BulkWorld> {
  const { people = false, roles = people ? PER_USER : ROLES, configuration = 'state: memory' } = options;
  const database = await freshDatabase();
  await database.query(schema());
  const key = people ? makeKey('EdDSA') : undefined;
  const folder = await policies(people ? PORTALS : 60, roles, key);
  const guard = await guardInFrontOf(database, { policies: folder, configuration });
  const thieves: Thief[] = [];
  const used = new Map<string, number>();
  return {
    database,
    guard,
    folder,
    password: PASSWORD,
    token(user) {
      if (!key) throw new Error('these accounts have no end users');
      return tokenOf(key, user);
    },
    async thief(role = 'thief') {
      const number = (used.get(role) ?? 0) + 1;
      used.set(role, number);
      const tap = await startTap(() => guard.port);
      const thief = key
        ? new Thief(tap, `${role}1`, PASSWORD, database.name, tokenOf(key, `${role} ${number}`))
        : new Thief(tap, `${role}${number}`, PASSWORD, database.name);
      thieves.push(thief);
      return thief;
    },
    async stop() {
      await Promise.all(thieves.map((thief) => thief.stop()));
      await guard.stop();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** From a minute ago until in an hour. */
export function tokenOf(key: Key, user: string): string {
  const now = Math.floor(Date.now() / 1000);
  return token(key, { sub: user, iat: now - 60, exp: now + 3_600 });
}
