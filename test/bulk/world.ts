/** A guard in front of four hundred pupils, and as many stolen accounts as are asked for, each with a budget of forty people a day. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** The policies' files. `thieves`: so many principals of each role, `thief1` and so on. */
export async function policies(thieves: number, roles = ROLES): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-bulk-'));
  await mkdir(join(folder, 'roles'));
  const keys = '[pupils.id, absences.pupil_id, letters.pupil_id, guardians.pupil_ids]';
  await writeFile(join(folder, 'subjects.yaml'), `subjects: { pupil: { keys: ${keys} } }\n`);
  const principals: string[] = [];
  for (const [name, limits] of Object.entries(roles)) {
    await writeFile(join(folder, `roles/${name}.yaml`), roleText(name, limits));
    for (let i = 1; i <= thieves; i += 1) {
      principals.push(`  ${name}${i}: { role: ${name}, password: "${VERIFIER}" }\n`);
    }
  }
  await writeFile(join(folder, 'principals.yaml'), `principals:\n${principals.join('')}`);
  return folder;
}

export interface BulkWorld {
  readonly database: FreshDatabase;
  readonly guard: TestGuard;
  /** Where its policies lie. */
  readonly folder: string;
  /** A new account, from which nothing was taken yet. */
  thief(role?: string): Promise<Thief>;
  stop(): Promise<void>;
}

/** `roles`: what stands in each beside name and tables. */
export async function bulkWorld(roles = ROLES, configuration = 'state: memory'): Promise<BulkWorld> {
  const database = await freshDatabase();
  await database.query(schema());
  const folder = await policies(60, roles);
  const guard = await guardInFrontOf(database, { policies: folder, configuration });
  const thieves: Thief[] = [];
  const used = new Map<string, number>();
  return {
    database,
    guard,
    folder,
    async thief(role = 'thief') {
      const number = (used.get(role) ?? 0) + 1;
      used.set(role, number);
      const tap = await startTap(() => guard.port);
      const thief = new Thief(tap, `${role}${number}`, PASSWORD, database.name);
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
