/** What of the policies tests can touch: grants, masks, filters, functions and limits, each by its line; and what of it no test has touched. */

import { type Limits, OF_SUBJECTS, STATEMENT_LIMIT_KEYS, type WindowLimit } from '../../policy/model/limits.ts';
import { amountName, windowName } from '../../policy/model/limits-in-force.ts';
import {
  grantsOfTables,
  type Policy,
  type RelationGrant,
  type RolePolicy,
  TABLE_COMMANDS,
  type TableCommand,
} from '../../policy/model/policy.ts';
import { placeOfRule } from '../../policy/source/diagnostic.ts';
import type { RuleRef } from '../../policy/source/rule.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { type NamedLimit, statementLimitName } from './take.ts';

export type ItemKind = 'grant' | 'mask' | 'filter' | 'function' | 'limit';

/** Something in a policy file that a test may touch. */
export interface CoverageItem {
  readonly kind: ItemKind;
  readonly rule: RuleRef;
  /** `select on public.students`, `public.students.birth_date`, `subjects.student 300 per day` */
  readonly name: string;
}

export interface PolicyCoverage {
  readonly items: number;
  readonly touched: number;
  /** 0 to 100, rounded down: 100 is all. */
  readonly percent: number;
  /** By file and line. */
  readonly untouched: readonly CoverageItem[];
}

/** A grants file that several roles use is there once. Roles from which nothing is withheld have limits alone. */
export function coverageItems(policy: Policy, catalog: Catalog): CoverageItem[] {
  const found = new Map<string, CoverageItem>();
  const add = (item: CoverageItem): void => void found.set(keyOf(item), item);
  for (const role of policy.roles.values()) {
    for (const item of [...itemsOfGrants(role, catalog), ...limitsOf(role)]) add(item);
  }
  for (const principal of policy.principals.values()) {
    for (const item of [principal.limits, ...(principal.during ?? []).map(({ limits }) => limits)].flatMap(ofLimits))
      add(item);
  }
  return [...found.values()];
}

export class TouchedItems {
  private readonly keys = new Set<string>();

  add(item: CoverageItem): void {
    this.keys.add(keyOf(item));
  }

  addLimit({ rule, name }: NamedLimit): void {
    this.add({ kind: 'limit', rule, name });
  }

  of(items: readonly CoverageItem[]): PolicyCoverage {
    const untouched = items.filter((item) => !this.keys.has(keyOf(item))).sort(byPlace);
    const touched = items.length - untouched.length;
    const percent = items.length === 0 ? 100 : Math.floor((touched * 100) / items.length);
    return { items: items.length, touched, percent, untouched };
  }
}

/** A grant by its command, with what is read through it: `columns` by their names. */
export function itemsOfGrant(
  { relation, ...grant }: RelationGrant,
  command: TableCommand,
): { readonly whole: readonly CoverageItem[]; readonly masks: ReadonlyMap<string, CoverageItem> } {
  const of = grant[command];
  const name = `${relation.schema}.${relation.name}`;
  const masks = new Map<string, CoverageItem>();
  if (!of) return { whole: [], masks };
  const whole: CoverageItem[] = [
    { kind: 'grant', rule: of.rule, name: `${command} on ${name}` },
    ...of.conditions.map(({ rule }): CoverageItem => ({ kind: 'filter', rule, name: `rows of ${name}` })),
  ];
  for (const [column, { mask, rule }] of command === 'select' ? (grant.select?.columns ?? []) : [])
    if (mask) masks.set(column, { kind: 'mask', rule, name: `${name}.${column}` });
  return { whole, masks };
}

/** Of a function that a role was granted by name. */
export function itemOfFunction(role: RolePolicy, oid: number, catalog: Catalog): CoverageItem {
  const fn = catalog.functionsByOid.get(oid);
  return { kind: 'function', rule: role.functionRules?.get(oid) ?? role.rule, name: `${fn?.schema}.${fn?.name}` };
}

function itemsOfGrants(role: RolePolicy, catalog: Catalog): CoverageItem[] {
  const ofTables = grantsOfTables(role).flatMap((grant) =>
    TABLE_COMMANDS.flatMap((command) => {
      const { whole, masks } = itemsOfGrant(grant, command);
      return [...whole, ...masks.values()];
    }),
  );
  return [...ofTables, ...[...role.functions].map((oid) => itemOfFunction(role, oid, catalog))];
}

function limitsOf({ limits, limitsPerUser, during = [] }: RolePolicy): CoverageItem[] {
  return [limits, limitsPerUser ?? {}, ...during.map((time) => time.limits)].flatMap(ofLimits);
}

/** Connections and timeouts are no amounts that a test could take. */
function ofLimits(limits: Limits): CoverageItem[] {
  const { rows = [], bytes = [], statements = [], changed = [], rules } = limits;
  const windows: [string, readonly WindowLimit[]][] = [
    ...Object.entries({ rows, bytes, statements, changed }),
    ...OF_SUBJECTS.flatMap((key) =>
      [...(limits[key] ?? [])].map(([name, list]): [string, readonly WindowLimit[]] => [`${key}.${name}`, list]),
    ),
  ];
  return [
    ...windows.flatMap(([measure, list]) =>
      list.map(({ amount, window, rule = '' }): CoverageItem => {
        return { kind: 'limit', rule, name: `${measure} ${amountName(measure, amount)} ${windowName(window)}` };
      }),
    ),
    ...STATEMENT_LIMIT_KEYS.flatMap((key): CoverageItem[] => {
      const amount = limits[key];
      const rule = rules?.[key];
      return amount === undefined || rule === undefined
        ? []
        : [{ kind: 'limit', rule, name: statementLimitName(key, amount) }];
    }),
  ];
}

function keyOf({ kind, rule, name }: CoverageItem): string {
  return `${kind} ${rule} ${name}`;
}

/** Orders by file and line. */
export function byPlace(a: Pick<CoverageItem, 'rule'>, b: Pick<CoverageItem, 'rule'>): number {
  const [one, other] = [placeOfRule(a.rule), placeOfRule(b.rule)];
  return one.file < other.file ? -1 : one.file > other.file ? 1 : one.line - other.line;
}
