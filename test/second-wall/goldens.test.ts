/** Runs the statements of the golden decisions by the account of the role's wall: each gives the same as without a wall. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { rowsToAsk, statementLimits } from '../../src/session/admission/statement-meter.ts';
import { renderLiterals } from '../../src/session/client/render.ts';
import { type Case, readCases } from '../decisions/cases.ts';
import { catalogOf, loadPolicies, type Policies } from '../decisions/policies.ts';
import { type Bench, bench, type Ran, realDatabase } from '../decisions/world.ts';
import { type FreshDatabase, serverVersion } from '../support/postgres.ts';
import { eachSince } from '../support/since.ts';
import { loginsFor, type WallsInTest, wallsOf } from './walls.ts';

const FOLDER = join(import.meta.dirname, '../decisions/policies');
const files = readCases();
/** The roles with a wall. */
const roles = [...new Set(files.map((file) => file.role))].filter((role) => !['dba', 'watched'].includes(role));

let database: FreshDatabase;
let policies: Policies;
let walls: WallsInTest;
let unwalled: Bench;
const behind = new Map<string, Bench>();

beforeAll(async () => {
  database = await realDatabase();
  policies = loadPolicies(await catalogOf(database), FOLDER);
  const logins = await loginsFor(database, roles);
  walls = await wallsOf(database, { policies: FOLDER, logins });
  await walls.apply();
  unwalled = await bench(database);
  for (const role of roles) behind.set(role, await bench({ ...database, url: logins[role]!.url }));
});

afterAll(async () => {
  for (const client of [unwalled, ...behind.values()]) await client.end();
  await walls.end();
  await database.drop();
});

describe.each(files.filter(({ role }) => roles.includes(role)))('$file', ({ role, cases }) => {
  const sent = cases.filter((c) => c.effect !== 'refuse').map((c) => [c.name, c] as const);
  eachSince(([, c]) => c.since ?? 14, sent)('%s', async (_, c) => {
    const policy = policies.of(role);
    const judgement = policy.judge(c.sql);
    const values = { attributes: policy.principal.attributes, limit: rowsToAsk(statementLimits(policy)) };
    const { sent } = renderLiterals(c.sql, judgement, values);
    const there = await unwalled.run(sent, c.parameters);
    const here = await behind.get(role)!.run(sent, c.parameters);
    // Before 17 there is no right to lock but those on whole tables: the wall says so.
    if (serverVersion() < 17 && /\bLOCK\b/.test(sent)) expect([sqlstateOf(there), '42501']).toContain(sqlstateOf(here));
    else if ('results' in there && !STRICTER.has(c.name)) expect(comparable(here, c)).toEqual(comparable(there, c));
    // The wall's own check of a row may come before any other error, in place of Rowgate's.
    else expect([sqlstateOf(there), '42501']).toContain(sqlstateOf(here));
  });
});

/** The view shows what its reader may touch: the account has no rights on partitions themselves. */
const OTHERS: ReadonlySet<string> = new Set(["the user's tables"]);

/** PostgreSQL checks the row that is proposed also where a conflict then keeps it out, and asks for a right to each column that is named. */
const STRICTER: ReadonlySet<string> = new Set([
  'DO NOTHING for a row of others that is in the way',
  'a column that is read and not written, by DEFAULT in each row: as if it were not named',
  'a column that is read and not written, by DEFAULT, without a list of columns',
]);

function sqlstateOf(ran: Ran): string {
  return 'sqlstate' in ran ? ran.sqlstate : 'none';
}

function comparable(ran: Ran, c: Case): unknown {
  if (!('results' in ran)) return ran;
  return ran.results.map(({ command, columns, rows }) => {
    if (c.rows === 'any' || OTHERS.has(c.name)) return { command, columns };
    // The numbers of a sequence have moved on in the meantime.
    const steady = /\b(insert|nextval|currval)\b/i.test(c.sql)
      ? rows.map((row) => row.map((v) => v?.replace(/^\d+$/, '#')))
      : rows;
    return { command, columns, rows: c.rows === 'ordered' ? steady : steady.map((row) => JSON.stringify(row)).sort() };
  });
}
