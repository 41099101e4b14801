/** Who may see a table or column, in what form, and by which rule: for the yearly review by a data protection officer. */
import type { Catalog, Column, Fn, Relation } from '../../sql/catalog/catalog.ts';
import type { Template } from '../../sql/text/template.ts';
import { type Condition, grantsOfTables, type Policy, type RelationGrant, type RolePolicy } from '../model/policy.ts';
import type { RuleRef } from '../source/rule.ts';
import { Closure } from './closure.ts';

/** One way in which a role reaches the table or column. */
export interface ReviewedAccess {
  readonly role: string;
  /** Principals of the role that may log in. */
  readonly principals: readonly string[];
  readonly way:
    | 'select'
    | 'insert'
    | 'update'
    | 'delete'
    | 'view'
    | 'function'
    | 'filter'
    | 'unrestricted'
    | 'observed';
  /** In words: `whole`, `masked by …`. */
  readonly form: string;
  /** SQL of the row conditions; empty: every row. */
  readonly rows: readonly string[];
  readonly rule: RuleRef;
}

export interface AccessReview {
  readonly access: readonly ReviewedAccess[];
  /** Roles that errors closed: what they would grant is not known. */
  readonly closed: readonly { readonly role: string; readonly reason: string }[];
}

/** `column` undefined: the table as a whole. */
export function accessTo(
  relation: Relation,
  column: Column | undefined,
  policy: Policy,
  catalog: Catalog,
  searchPath: readonly string[],
): AccessReview {
  const closure = new Closure(catalog, searchPath);
  const roles = [...policy.roles.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    access: roles.flatMap((role) => ofRole(role, relation, column, policy, catalog, closure)),
    closed: roles.flatMap(({ name, disabled }) => (disabled === undefined ? [] : [{ role: name, reason: disabled }])),
  };
}

type Way = Omit<ReviewedAccess, 'role' | 'principals'>;

function ofRole(
  role: RolePolicy,
  relation: Relation,
  column: Column | undefined,
  policy: Policy,
  catalog: Catalog,
  closure: Closure,
): ReviewedAccess[] {
  if (role.disabled !== undefined) return [];
  const all = [...policy.principals.values()].filter(
    (principal) => principal.role === role.name && principal.disabled === undefined,
  );
  const modes = new Set([...(all.length === 0 ? [role.mode] : []), ...all.map(({ mode = role.mode }) => mode)]);
  return [...modes].flatMap((mode) => {
    const principals = all.filter((one) => (one.mode ?? role.mode) === mode).map(({ name }) => name);
    const ways = waysOf({ ...role, mode }, relation, column, catalog, closure);
    return ways.map((way) => ({ role: role.name, principals: principals.sort(), ...way }));
  });
}

function waysOf(
  role: RolePolicy,
  relation: Relation,
  column: Column | undefined,
  catalog: Catalog,
  closure: Closure,
): Way[] {
  if (role.access === 'unrestricted')
    return [{ way: 'unrestricted', form: 'whole, and every other table', rows: [], rule: role.rule }];
  // In observe mode everything is let through, whatever the policy says.
  if (role.mode === 'observe')
    return [{ way: 'observed', form: 'whole, and every other table: nothing is refused', rows: [], rule: role.rule }];
  const grant = role.relations.get(relation.oid);
  const grants = grantsOfTables(role);
  return [
    ...(grant ? [...read(grant, column), ...written(grant, column)] : []),
    ...grants.flatMap((other) => filters(other, relation, column)),
    ...grants.flatMap((other) => views(other, relation, column, closure)),
    ...[...role.functions].flatMap((oid) => {
      const fn = catalog.functionsByOid.get(oid);
      return fn ? functions(fn, role, relation, column, closure) : [];
    }),
  ];
}

function read({ relation, select }: RelationGrant, column: Column | undefined): Way[] {
  if (!select) return [];
  const rows = select.conditions.map((condition) => sqlOf(condition.filter, relation));
  if (column) {
    const grant = select.columns.get(column.name);
    if (!grant) return [];
    const form = grant.mask ? `masked by ${sqlOf(grant.mask, relation)}` : 'as it is';
    return [{ way: 'select', form, rows, rule: grant.rule }];
  }
  const plain = [...select.columns.values()].filter(({ mask }) => !mask).map(({ column }) => column.name);
  const masked = [...select.columns.values()].filter(({ mask }) => mask).map(({ column }) => column.name);
  const withheld = relation.columns.filter(({ name }) => !select.columns.has(name)).length;
  const parts = [
    plain.length > 0 ? `columns ${plain.join(', ')}` : '',
    masked.length > 0 ? `masked ${masked.join(', ')}` : '',
    withheld > 0 ? `${withheld} withheld` : '',
  ];
  const form = select.whole ? 'whole' : parts.filter((part) => part !== '').join('; ');
  return [{ way: 'select', form, rows, rule: select.rule }];
}

function written({ relation, insert, update, delete: remove }: RelationGrant, column: Column | undefined): Way[] {
  const ways: Way[] = [];
  const add = (
    way: 'insert' | 'update' | 'delete',
    form: string,
    conditions: readonly Condition[],
    rule: RuleRef,
  ): void => {
    ways.push({ way, form, rows: conditions.map((condition) => sqlOf(condition.filter, relation)), rule });
  };
  for (const [way, grant] of [
    ['insert', insert],
    ['update', update],
  ] as const) {
    if (!grant || (column && !grant.columns.has(column.name))) continue;
    add(way, column ? 'may write it' : `columns ${[...grant.columns].join(', ')}`, grant.conditions, grant.rule);
  }
  if (remove && !column) add('delete', 'rows as a whole', remove.conditions, remove.rule);
  return ways;
}

/** A filter or mask that reads the column does not show it, except for what can be concluded from the visible rows. */
function filters(grant: RelationGrant, relation: Relation, column: Column | undefined): Way[] {
  const { select, insert, update, delete: remove } = grant;
  const conditions = [select, insert, update, remove].flatMap((command) => command?.conditions ?? []);
  const masks = [...(select?.columns.values() ?? [])].filter((of) => of.maskNeeds && of.column.name !== column?.name);
  const sources = [
    ...conditions.map((c) => ({ what: 'row filter', needs: c.needs, rule: c.rule })),
    ...masks.map((c) => ({ what: `mask of ${c.column.name}`, needs: c.maskNeeds, rule: c.rule })),
  ];
  const seen = new Set<string>();
  return sources.flatMap(({ what, needs, rule }): Way[] => {
    const own = grant.relation.oid === relation.oid ? (needs?.columns ?? []) : [];
    const elsewhere = needs?.elsewhere.filter((of) => of.relation.oid === relation.oid) ?? [];
    const hit = column
      ? [...own, ...elsewhere.flatMap(({ columns }) => columns)].includes(column.name)
      : elsewhere.length > 0 && grant.relation.oid !== relation.oid;
    const form = `not shown: the ${what} of ${grant.relation.schema}.${grant.relation.name} reads it`;
    if (!hit || seen.has(form + rule)) return [];
    seen.add(form + rule);
    return [{ way: 'filter', form, rows: [], rule }];
  });
}

function views(
  { relation: view, select }: RelationGrant,
  relation: Relation,
  column: Column | undefined,
  closure: Closure,
): Way[] {
  if (!select || view.oid === relation.oid || (view.kind !== 'v' && view.kind !== 'm')) return [];
  if (!reaches(closure.ofRelation(view).tables, relation, column)) return [];
  const rows = select.conditions.map((condition) => sqlOf(condition.filter, view));
  const form = `what ${view.kind === 'm' ? 'materialized view' : 'view'} ${view.schema}.${view.name} shows of it`;
  return [{ way: 'view', form, rows, rule: select.rule }];
}

function functions(fn: Fn, role: RolePolicy, relation: Relation, column: Column | undefined, closure: Closure): Way[] {
  const { tables, opaque } = closure.ofFunction(fn);
  const rule = role.functionRules?.get(fn.oid) ?? role.rule;
  const name = `${fn.schema}.${fn.name}`;
  if (reaches(tables, relation, column))
    return [{ way: 'function', form: `what function ${name} makes of it`, rows: [], rule }];
  // A function whose body cannot be analysed may reach anything, and a review must say so.
  return opaque.length > 0
    ? [{ way: 'function', form: `perhaps: function ${name} cannot be seen through`, rows: [], rule }]
    : [];
}

function reaches(
  tables: ReadonlyMap<Relation, ReadonlySet<Column>>,
  relation: Relation,
  column: Column | undefined,
): boolean {
  const columns = tables.get(relation);
  return columns !== undefined && (column === undefined || columns.has(column));
}

/** For people: attributes by their names, the row by the name of its table. */
export function sqlOf(template: Template, relation: Relation): string {
  const text = template.map((piece) => {
    if (typeof piece === 'string') return piece;
    if (piece.kind === 'row') return relation.name;
    return piece.kind === 'attribute' ? `:${piece.name}` : 'limit';
  });
  return text
    .join('')
    .replace(/\s+/g, ' ')
    .replaceAll(/rowgate_(p\d+)/g, '$1');
}
