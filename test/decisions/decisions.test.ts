/**
 * Tests the golden decisions: every case is judged, compared with the file, and run on the real server, where it must give what the client's own text
 * gives on a copy of the database with only the role's grants.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Judgement } from '../../src/guard/decision.ts';
import { mayRead } from '../../src/policy/model/policy.ts';
import { rowsToAsk, statementLimits } from '../../src/session/admission/statement-meter.ts';
import { renderLiterals } from '../../src/session/client/render.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { advises } from '../support/advises.ts';
import { type FreshDatabase, serverVersion } from '../support/postgres.ts';
import { NEWEST } from '../support/versions.ts';
import { type Case, readCases, UPDATE, updateCases } from './cases.ts';
import { asShown, hiddenParts, visibleParts } from './effects.ts';
import { catalogOf, loadPolicies, type Policies } from './policies.ts';
import { unguarded } from './unguarded.ts';
import { tablesSeen } from './witness.ts';
import { type Bench, bench, copyFor, crowdedDatabase, type Ran, realDatabase } from './world.ts';

const files = readCases();
const roles = [...new Set(files.map((file) => file.role))];

/** A role's worlds: the statement that is sent runs in `real` and in `crowded`, the client's own text in `copy`. */
interface World {
  readonly policy: SessionPolicy;
  readonly real: Bench;
  /** For the teacher alone. */
  readonly crowded: Bench | undefined;
  readonly copy: Bench | undefined;
}

const worlds = new Map<string, World>();
const databases: FreshDatabase[] = [];
let policies: Policies;

beforeAll(async () => {
  const database = await realDatabase();
  databases.push(database);
  policies = loadPolicies(await catalogOf(database), join(import.meta.dirname, 'policies'));
  const crowd = await crowdedDatabase();
  databases.push(crowd);
  for (const role of roles) {
    const copy = await copyFor(role);
    if (copy) databases.push(copy);
    worlds.set(role, {
      policy: policies.of(role),
      real: await bench(database),
      crowded: role === 'teacher' ? await bench(crowd) : undefined,
      // A role that writes has its grants in the copy from the server itself.
      copy: copy && (await bench(copy, role === 'writer' ? 'copied_writer' : undefined)),
    });
  }
});

afterAll(async () => {
  for (const world of worlds.values()) {
    await world.real.end();
    await world.crowded?.end();
    await world.copy?.end();
  }
  for (const database of databases) await database.drop();
});

describe.each(files.map((f) => [f.file, f] as const))('%s', (_, { file, role, cases }) => {
  const seen = new Map<string, Partial<Case>>();
  afterAll(() => {
    if (UPDATE) updateCases(file, seen);
  });

  test('no two cases have one name', () => {
    expect(new Set(cases.map((c) => c.name)).size).toBe(cases.length);
  });

  const newer = cases.filter((c) => isTooNew(c));
  if (newer.length > 0)
    test.each(newer.map((c) => [c.name, c.since, c] as const))('%s (needs PostgreSQL %i)', async (_, __, c) => {
      const { policy, real } = worlds.get(role)!;
      const judgement = policy.judge(c.sql);
      if (judgement.effect === 'refuse') return;
      const ran = await real.run(sentFor(c.sql, judgement, policy), c.parameters);
      expect(ran).toMatchObject({ sqlstate: expect.stringMatching(/^(42|0A)/) });
    });

  test.each(cases.filter((c) => !isTooNew(c)).map((c) => [c.name, c] as const))('%s', async (_, c) => {
    const world = worlds.get(role)!;
    const judgement = world.policy.judge(c.sql);
    const sent = judgement.effect === 'refuse' ? undefined : sentFor(c.sql, judgement, world.policy);
    const now = asCase(c, judgement, sent);
    expect(now.effect, judgement.refusal?.message).toBe(c.effect);
    if (c.reason !== undefined) expect(now.reason).toBe(c.reason);
    const { parameters, rows, fails, since, crowdSince } = c;
    if (!UPDATE)
      expect({ ...now, parameters, rows, fails, since, crowdSince }).toEqual({ ...EMPTY, ...asOnThisServer(c, now) });

    witness(c.sql, judgement);
    if (sent === undefined) await refusedInTheCopyToo(c, world);
    else {
      await sameAsInTheCopy(c, sent, judgement, world);
      // Names of the system are asked by OID: these are of the one database that was judged.
      const byOid = judgement.statements.some((s) => s.tables.some((name) => name.startsWith('pg_catalog.')));
      const isSlow = (c.crowdSince ?? 0) > serverVersion();
      if (world.crowded && !byOid && !isSlow) await sameInTheCrowd(c, sent, world.crowded, world.copy!);
    }
    seen.set(c.name, now);
  });
});

test('what stays refused says what to write instead, or which grant it needs', () => {
  const silent = files.flatMap(({ role, cases }) =>
    cases.flatMap(({ name, sql }) => {
      const { refusal } = worlds.get(role)!.policy.judge(sql);
      return refusal && !advises(refusal) ? [`${name}: ${refusal.message}`] : [];
    }),
  );
  expect(silent).toEqual([]);
});

test('without its guards, an expression of some cases runs on hidden rows', async () => {
  const { crowded } = worlds.get('teacher')!;
  const guarded = files
    .filter((file) => file.role === 'teacher')
    .flatMap((file) => file.cases)
    .filter((c) => c.sent?.includes('IS NOT FALSE THEN') && c.fails === undefined);
  const bitten: string[] = [];
  for (const c of guarded) {
    const ran = await crowded!.run(unguarded(c.sent!), c.parameters);
    if ('sqlstate' in ran) bitten.push(c.name);
  }
  expect(bitten.length, bitten.join('\n')).toBeGreaterThanOrEqual(8);
});

test('no more cases than 120 need a newer server', () => {
  const newer = files.flatMap((file) => file.cases.filter(isTooNew));
  const names = newer.map((c) => `${c.name} (${c.since})`).join(', ');
  console.log(`${newer.length} cases need a newer server than PostgreSQL ${serverVersion()}: ${names}`);
  expect(newer.length).toBeLessThanOrEqual(120);
});

test('at least 600 cases are run and compared with the copy that really holds only what the role may see', () => {
  const isCompared = (role: string, c: Case): boolean =>
    c.effect !== 'refuse' && c.rows !== 'any' && !isTooNew(c) && worlds.get(role)?.copy !== undefined;
  const compared = files.map(
    ({ file, role, cases }) => [file, cases.filter((c) => isCompared(role, c)).length] as const,
  );
  const sum = compared.reduce((total, [, count]) => total + count, 0);
  const all = files.flatMap((file) => file.cases).length;
  console.log(`${sum} of ${all} cases compared: ${compared.map(([file, n]) => `${file} ${n}`).join(', ')}`);
  expect(sum).toBeGreaterThanOrEqual(600);
});

const WRITES = /\b(insert|update|delete|merge)\b/i;

const EMPTY = { parameters: undefined, rows: undefined, fails: undefined, since: undefined, crowdSince: undefined };

function isTooNew({ since }: Case): boolean {
  return since !== undefined && since > serverVersion();
}

/** The files are written for PostgreSQL 18. The system's own tables have other columns in each version: there only the rows are compared. */
function asOnThisServer(c: Case, now: Case): Case {
  if (serverVersion() === NEWEST) return c;
  const isSystem = c.tables?.some((name) => name.startsWith('pg_catalog.')) || c.sent?.includes('FROM pg_catalog.pg_');
  if (isSystem) return { ...c, ...(now.sent && { sent: now.sent }), ...(now.columns && { columns: now.columns }) };
  // There is no any_value before 16.
  const sent =
    serverVersion() < 16 && c.sent?.replace(/pg_catalog\.any_value\(([^()]+)\)/g, '(pg_catalog.array_agg($1))[1]');
  return { ...c, ...(sent && { sent }) };
}

function sentFor(sql: string, judgement: Judgement, policy: SessionPolicy): string {
  const values = { attributes: policy.principal.attributes, limit: rowsToAsk(statementLimits(policy)) };
  return renderLiterals(sql, judgement, values).sent;
}

function asCase(c: Case, judgement: Judgement, sent: string | undefined): Case {
  const { refusal, would, statements, effect } = judgement;
  const rule = refusal?.rule ?? statements.find((s) => s.rule !== undefined)?.rule;
  const tables = union(statements.map((s) => s.tables));
  const columns = union(statements.map((s) => s.columns));
  return {
    name: c.name,
    sql: c.sql,
    effect,
    ...(refusal && { reason: refusal.reason, sqlstate: refusal.sqlstate, message: refusal.message }),
    ...(rule !== undefined && { rule }),
    ...(sent !== undefined && sent !== c.sql && { sent: policies.named(sent) }),
    ...(tables.length > 0 && { tables }),
    ...(columns.length > 0 && { columns }),
    ...(would && { would: { effect: would.effect, ...(would.refusal && { reason: would.refusal.reason }) } }),
  };
}

function union(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].sort();
}

/** Whatever another parser finds, the guard found too, or it refused. */
function witness(sql: string, judgement: Judgement): void {
  if (judgement.effect === 'refuse') return;
  const found = judgement.statements.flatMap((s) => s.tables);
  for (const table of tablesSeen(sql) ?? [])
    expect(
      found.some((name) => name === table || name.endsWith(table)),
      table,
    ).toBe(true);
}

/** A name that the role may not use does not exist in its copy. */
async function refusedInTheCopyToo(c: Case, { copy }: World): Promise<void> {
  if (!/^(column|relation)-/.test(c.reason ?? '') || c.rows === 'any') return;
  const there = await copy!.run(c.sql, c.parameters);
  expect(there).toMatchObject({ sqlstate: expect.stringMatching(/^42/) });
}

async function sameAsInTheCopy(
  c: Case,
  sent: string,
  judgement: Judgement,
  { real, copy, policy }: World,
): Promise<void> {
  const { role, principal } = policy;
  // For a statement that may write: the tables afterwards as the role sees them, and the rest of them, which stays.
  const writes = policy.role.mode === 'enforce' && role.access === 'restricted' && WRITES.test(c.sql);
  const visible = writes ? visibleParts(judgement, role) : [];
  const hidden = writes ? hiddenParts(judgement, role, principal.attributes) : [];
  const before = writes && c.fails === undefined ? await unchanged(real, hidden) : undefined;
  const seen = visible.map((sql) => sentFor(sql, policy.judge(sql), policy));
  const here = asShown(await real.run(sent, c.parameters, [...seen, ...hidden]), judgement);
  if (policy.role.name === 'teacher') expect(JSON.stringify(here)).not.toContain('hidden');
  if (c.fails !== undefined) {
    expect(here).toMatchObject({ sqlstate: c.fails });
    if (c.rows !== 'any') expect(await copy!.run(c.sql, c.parameters)).toMatchObject({ sqlstate: c.fails });
    return;
  }
  provenance(here, policy);
  if (before && 'after' in here) expect(here.after.slice(visible.length)).toEqual(before);
  if (c.rows === 'any') return;
  const there = await copy!.run(c.sql, c.parameters, visible);
  expect(comparable(here, c)).toEqual(comparable(there, c));
  if ('after' in here && 'after' in there) expect(here.after.slice(0, visible.length)).toEqual(there.after);
  expect(modifiers(here, there)).toEqual(modifiers(there, there));
}

const sums = new Map<string, readonly string[]>();

/** The same before and after every case, as each is undone. */
async function unchanged(real: Bench, hidden: readonly string[]): Promise<readonly (readonly string[])[]> {
  const missing = hidden.filter((sql) => !sums.has(sql));
  if (missing.length > 0) {
    const ran = await real.run('SELECT', [], missing);
    if (!('after' in ran)) expect.fail(ran.message);
    missing.forEach((sql, i) => {
      sums.set(sql, ran.after[i]!);
    });
  }
  return hidden.map((sql) => sums.get(sql)!);
}

/** Type modifiers of the columns that the copy takes from a table: an expression that is guarded may lose its own. */
function modifiers(ran: Ran, there: Ran): readonly number[] {
  if (!('results' in ran) || !('results' in there)) return [];
  return ran.results.flatMap((result, i) =>
    result.modifiers.map((modifier, k) => (there.results[i]?.origins[k]?.table ? modifier : -1)),
  );
}

/** Most rows are hidden there, and each would make an expression fail that ran on it. */
async function sameInTheCrowd(c: Case, sent: string, crowded: Bench, copy: Bench): Promise<void> {
  const here = await crowded.run(sent, c.parameters);
  expect(JSON.stringify(here)).not.toContain('hidden');
  if (c.rows === 'any') return;
  const there = await copy.run(c.sql, c.parameters);
  if (c.fails !== undefined) expect(here).toMatchObject({ sqlstate: c.fails });
  else expect(comparable(here, c)).toEqual(comparable(there, c));
}

/** The server's own word on where each column comes from (promise P5). */
function provenance(ran: Ran, { role }: SessionPolicy): void {
  if (!('results' in ran)) expect.fail(`${ran.sqlstate} ${ran.message}`);
  if (role.mode === 'observe') return;
  for (const { table, column } of ran.results.flatMap((result) => result.origins)) {
    if (table !== 0) expect(mayRead(role, table, column), `${table}.${column}`).toBe(true);
  }
}

function comparable(ran: Ran, c: Case): unknown {
  if (!('results' in ran)) return ran;
  const results = ran.results.map(({ command, count, columns, rows }) => ({
    command,
    count,
    columns,
    rows: c.rows === 'ordered' ? rows : rows.map((row) => JSON.stringify(row)).sort(),
  }));
  return { results, copied: ran.copied };
}
