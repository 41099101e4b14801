/** Runs every golden case with and without canaries: nothing more is refused, and the same rows come. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HiddenKey, Judgement, StatementJudgement } from '../../src/guard/decision.ts';
import { rowsToAsk, statementLimits } from '../../src/session/admission/statement-meter.ts';
import { renderLiterals } from '../../src/session/client/render.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { readCases } from '../decisions/cases.ts';
import { catalogOf, loadPolicies, type Policies } from '../decisions/policies.ts';
import { type Bench, bench, type Ran, realDatabase } from '../decisions/world.ts';
import type { FreshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let real: Bench;
let without: Policies;
let watched: Policies;
let added = 0;

beforeAll(async () => {
  database = await realDatabase();
  real = await bench(database);
  const catalog = await catalogOf(database);
  const folder = join(import.meta.dirname, '../decisions/policies');
  const canary = `hmac:${'A'.repeat(43)}`;
  without = loadPolicies(catalog, folder);
  watched = loadPolicies(catalog, folder, (path, text) =>
    path === 'subjects.yaml' ? text.replace(/^( +)keys:/m, `$1canaries: ["${canary}"]\n$1keys:`) : text,
  );
});
afterAll(async () => {
  await real?.end();
  await database?.drop();
});

const READS =
  /^(select|joins|subqueries|ctes|expressions|rows|text|temporary|statements|orm-|writes-(update|delete|with))/;

describe.each(readCases().filter(({ file }) => READS.test(file)))('$file', ({ role, cases }) => {
  it(`${role}: ${cases.length} cases`, async () => {
    const [plain, other] = [without.of(role), watched.of(role)];
    for (const { name, sql, parameters, rows } of cases) {
      const [before, after] = [plain.judge(sql), other.judge(sql)];
      expect([name, after.effect === 'refuse', after.refusal]).toEqual([
        name,
        before.effect === 'refuse',
        before.refusal,
      ]);
      const keys = after.statements.flatMap(keysOf);
      if (keys.length === 0) {
        expect([name, sent(sql, after, other)]).toEqual([name, sent(sql, before, plain)]);
        continue;
      }
      added += 1;
      const there = withoutLast(await real.run(sent(sql, before, plain), parameters));
      const here = withoutLast(
        await real.run(sent(sql, after, other), parameters),
        keys.reduce((sum, { width }) => sum + width, 0),
      );
      if (rows !== 'any') expect([name, shown(here)]).toEqual([name, shown(there)]);
    }
  });
});

it('in many of them keys were added', () => {
  expect(added).toBeGreaterThan(30);
});

/** For PREPARE the statement inside has them. */
function keysOf({ kind, check }: StatementJudgement): readonly HiddenKey[] {
  return (kind.kind === 'prepare' ? kind.inner.check : check)?.keys ?? [];
}

function sent(sql: string, judgement: Judgement, policy: SessionPolicy): string {
  const values = { attributes: policy.principal.attributes, limit: rowsToAsk(statementLimits(policy)) };
  return renderLiterals(sql, judgement, values).sent;
}

/** Removes the column as the session does: it must have the stated length. */
function withoutLast(ran: Ran, width = 0): Ran {
  if (!('results' in ran)) return ran;
  const results = ran.results.map((result) => {
    const last = result.columns.at(-1);
    if (!last?.startsWith('rowgate_check ')) return result;
    // A column that judges new rows is there without canaries, too.
    if (last === 'rowgate_check text') expect(result.rows.every((row) => row.at(-1)?.length === width)).toBe(true);
    const cut = <T>(list: readonly T[]): T[] => list.slice(0, -1);
    return {
      ...result,
      columns: cut(result.columns),
      modifiers: cut(result.modifiers),
      origins: cut(result.origins),
      rows: result.columns.length > 1 ? result.rows.map(cut) : [],
    };
  });
  return { ...ran, results };
}

function shown(ran: Ran): unknown {
  if (!('results' in ran)) return { sqlstate: ran.sqlstate };
  return ran.results.map(({ columns, modifiers, origins, rows, count }) => ({
    columns,
    modifiers,
    origins,
    count,
    rows: rows.map((row) => JSON.stringify(row)).sort(),
  }));
}
