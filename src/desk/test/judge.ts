/** Judges one test by the guard's own code. Statements run only where there is a database to run them in (`rows.ts`). */

import type { Judgement, StatementKind } from '../../guard/decision.ts';
import { resolveColumnRef } from '../../policy/compile/names.ts';
import { grantsOfTables, type RolePolicy, TABLE_COMMANDS, type TableCommand } from '../../policy/model/policy.ts';
import type { Diagnostic, SourcePlace } from '../../policy/source/diagnostic.ts';
import type { RuleRef } from '../../policy/source/rule.ts';
import { rowsToAsk, statementLimits } from '../../session/admission/statement-meter.ts';
import { renderLiterals } from '../../session/client/render.ts';
import { isFilledAt, missing, needsEndUser } from '../../session/end-user/statement-user.ts';
import { traitsOf } from '../../session/state/execution-rules.ts';
import type { Bench, TestSession } from './bench.ts';
import { itemOfFunction, itemsOfGrant, type TouchedItems } from './coverage.ts';
import type { QueryResult, TestDatabase } from './rows.ts';
import { taken } from './take.ts';
import type { PolicyTest } from './test-file.ts';
import type { ExpectedReason, Sight } from './test-schema.ts';

/** `skipped`: it could not be checked here, which is not a pass. `broken`: the test itself is invalid. */
export type TestOutcome =
  | { readonly status: 'passed' }
  | { readonly status: 'failed' | 'skipped'; readonly differs: string }
  | { readonly status: 'broken'; readonly diagnostic: Diagnostic };

/** The result of a statement. */
interface Found {
  readonly effect: 'allow' | 'rewrite' | 'refuse';
  readonly reason?: ExpectedReason;
  readonly message?: string;
  readonly rule?: RuleRef | undefined;
  readonly rows?: QueryResult['rows'];
}

const PASSED: TestOutcome = { status: 'passed' };

export class TestJudge {
  private readonly subjects: readonly string[];
  /** By role: tests come in thousands. */
  private readonly items = new Map<string, readonly GrantItems[]>();

  constructor(
    private readonly bench: Bench,
    private readonly touched: TouchedItems,
    private readonly database: TestDatabase | undefined,
  ) {
    this.subjects = [...(bench.policy.subjects?.keys() ?? [])];
  }

  /** `hasData`: its file makes rows of its own. */
  async outcome(test: PolicyTest, hasData: boolean): Promise<TestOutcome> {
    const session = this.bench.session(test);
    if ('wrong' in session) return { status: 'broken', diagnostic: session.wrong };
    if ('closed' in session) return { status: 'failed', differs: `this principal cannot log in: ${session.closed}` };
    switch (test.asks.kind) {
      case 'sees':
        return this.sees(test, test.asks.columns, session);
      case 'take':
        return this.take(test, test.asks, session);
      case 'sql':
        return this.statement(test, test.asks, session, hasData);
    }
  }

  private sees(test: PolicyTest, columns: ReadonlyMap<string, Sight>, { policy }: TestSession): TestOutcome {
    const { catalog, searchPath } = this.bench.options;
    const { role } = policy;
    const differs: string[] = [];
    for (const [text, expected] of columns) {
      const resolved = resolveColumnRef(catalog, searchPath, text);
      if ('problem' in resolved) return broken(test.document.place([...test.path, 'sees', text]), resolved.problem);
      const { relation, column } = resolved.value;
      const grant = role.relations.get(relation.oid);
      const select = grant?.select?.columns.get(column.name);
      const seen = role.access === 'unrestricted' ? 'plain' : !select ? 'withheld' : select.mask ? 'masked' : 'plain';
      if (seen !== expected) differs.push(`${text}: expected ${expected}, found ${seen}`);
      if (!grant || !select) continue;
      const { whole, masks } = itemsOfGrant(grant, 'select');
      for (const item of whole) if (item.kind === 'grant') this.touched.add(item);
      const mask = masks.get(column.name);
      if (mask) this.touched.add(mask);
    }
    return differs.length === 0 ? PASSED : { status: 'failed', differs: differs.join('; ') };
  }

  private take(
    test: PolicyTest,
    asks: Extract<PolicyTest['asks'], { kind: 'take' }>,
    session: TestSession,
  ): TestOutcome {
    const { timeZone } = this.bench.options;
    if (session.expired) return compared(test, { effect: 'refuse', reason: 'expired' });
    const found = taken(asks.amounts, asks.within?.ms, session, { timeZone, subjects: this.subjects });
    if ('wrong' in found) return broken(test.document.place([...test.path, 'take', found.key]), found.wrong);
    for (const limit of found.passes) this.touched.addLimit(limit);
    const { refused } = found;
    return compared(
      test,
      refused
        ? { effect: 'refuse', reason: refused.reason, message: refused.limit.name, rule: refused.limit.rule }
        : { effect: 'allow' },
    );
  }

  private async statement(
    test: PolicyTest,
    asks: Extract<PolicyTest['asks'], { kind: 'sql' }>,
    session: TestSession,
    hasData: boolean,
  ): Promise<TestOutcome> {
    if (session.expired) return compared(test, { effect: 'refuse', reason: 'expired' });
    const judgement = session.policy.judge(asks.sql);
    this.touch(judgement, session);
    const refusal = judgement.refusal ?? withoutEndUser(judgement, session);
    if (refusal) {
      const { reason, message, rule } = refusal;
      return compared(test, { effect: 'refuse', reason, message, rule });
    }
    const effect = judgement.effect === 'rewrite' ? 'rewrite' : 'allow';
    const kinds = new Set(judgement.statements.map(({ kind }) => kind.kind));
    if (!asks.rows && !kinds.has('write')) return compared(test, { effect });
    const lacks = this.lacks(kinds, hasData);
    if (typeof lacks === 'string') return { status: 'skipped', differs: lacks };
    const limits = statementLimits(session.policy);
    const values = { attributes: session.attributes, limit: rowsToAsk(limits), person: session.endUser };
    const { sent } = renderLiterals(asks.sql, judgement, values);
    const ran = await lacks.run(sent, asks.parameters, judgement, limits?.rows);
    if ('failed' in ran) return { status: 'failed', differs: `the database says: ${ran.failed}` };
    if ('refused' in ran) {
      const { reason, message, rule } = ran.refused;
      return compared(test, { effect: 'refuse', reason, message, rule });
    }
    return compared(test, { effect, rows: ran.rows });
  }

  private grantsOf(role: RolePolicy): readonly GrantItems[] {
    let items = this.items.get(role.name);
    if (!items) {
      items = grantsOfTables(role).map((grant) => ({
        name: `${grant.relation.schema}.${grant.relation.name}`,
        commands: TABLE_COMMANDS.map((command) => [command, itemsOfGrant(grant, command)] as const),
      }));
      this.items.set(role.name, items);
    }
    return items;
  }

  /** The database in which statements of these kinds can run; or why they cannot. */
  private lacks(kinds: ReadonlySet<StatementKind['kind']>, hasData: boolean): TestDatabase | string {
    const { database } = this;
    if (!database) return 'it needs a database: --embedded SCHEMA.sql';
    if ([...kinds].some((kind) => kind !== 'read' && kind !== 'write')) return 'it is no statement that a test can run';
    if (database.writable) return database;
    if (kinds.has('write')) return 'it writes: that runs under --embedded alone';
    return hasData ? 'its file has rows of its own ("data"), made under --embedded alone' : database;
  }

  /** What the statement reads and writes, where it is let through; of a refusal the line that decided it. */
  private touch(judgement: Judgement, { policy: { role } }: TestSession): void {
    const { catalog } = this.bench.options;
    if (judgement.effect === 'refuse') return;
    const tables = new Set(judgement.statements.flatMap((statement) => statement.tables));
    const columns = new Set(judgement.statements.flatMap((statement) => statement.columns));
    const commands = new Set(judgement.statements.map(({ command }) => command.toLowerCase()));
    for (const { name, commands: granted } of this.grantsOf(role)) {
      if (!tables.has(name)) continue;
      for (const [command, { whole, masks }] of granted) {
        if (command !== 'select' && !commands.has(command) && !commands.has('merge')) continue;
        for (const item of whole) this.touched.add(item);
        for (const [column, item] of masks) if (columns.has(`${name}.${column}`)) this.touched.add(item);
      }
    }
    for (const oid of role.functions) {
      const fn = catalog.functionsByOid.get(oid);
      if (fn && judgement.statements.some(({ normalized }) => callOf(fn.name).test(normalized)))
        this.touched.add(itemOfFunction(role, oid, catalog));
    }
  }
}

/** A statement that needs an end user and has none is refused as in a session. */
function withoutEndUser(judgement: Judgement, { policy, endUser }: TestSession) {
  if (endUser) return undefined;
  const needs = judgement.statements.some((statement, at) => {
    const filled = isFilledAt(judgement, at, policy.role, false);
    return needsEndUser({ statement, nature: traitsOf(statement, policy), filled }, policy);
  });
  return needs ? missing(policy) : undefined;
}

/** What can be touched of a role's grant. */
interface GrantItems {
  /** `public.students` */
  readonly name: string;
  readonly commands: readonly (readonly [TableCommand, ReturnType<typeof itemsOfGrant>])[];
}

function callOf(name: string): RegExp {
  return new RegExp(`\\b${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}"?\\s*\\(`, 'i');
}

function compared({ effect: expected, reason, asks }: PolicyTest, found: Found): TestOutcome {
  const isAsExpected = expected === 'pass' ? found.effect !== 'refuse' : expected === found.effect;
  if (!isAsExpected || (reason !== undefined && reason !== found.reason)) {
    const wanted = reason === undefined ? expected : `${expected} (${reason})`;
    const why = [found.reason, found.rule].filter((part) => part !== undefined).join(' at ');
    const said = found.message === undefined ? '' : `: ${found.message}`;
    const what = found.effect === 'refuse' ? `refuse (${why})${said}` : found.effect;
    return { status: 'failed', differs: `expected ${wanted}, found ${what}` };
  }
  const rows = asks.kind === 'sql' ? asks.rows : undefined;
  if (!rows || !found.rows) return PASSED;
  const differs = rowsDiffer(rows, found.rows);
  return differs === undefined ? PASSED : { status: 'failed', differs };
}

type Row = readonly (string | null)[];

/** In order: a test that does not mind the order asks for one. */
function rowsDiffer(expected: readonly Row[], found: readonly Row[]): string | undefined {
  const shown = (row: Row | undefined): string => (row === undefined ? 'nothing' : JSON.stringify(row));
  for (let at = 0; at < Math.max(expected.length, found.length); at += 1) {
    const [wanted, came] = [shown(expected[at]), shown(found[at])];
    if (wanted === came) continue;
    const count = expected.length === found.length ? '' : ` (${expected.length} rows expected, ${found.length} found)`;
    return `row ${at + 1}: expected ${wanted}, found ${came}${count}`;
  }
  return undefined;
}

function broken(place: SourcePlace, message: string): TestOutcome {
  return { status: 'broken', diagnostic: { ...place, severity: 'error', message } };
}
