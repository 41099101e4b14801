/** The restrictive policies of an account: its role's row conditions, by command. */

import { quoteIdentifier } from '../policy/compile/names.ts';
import type { Condition, Principal, RelationGrant } from '../policy/model/policy.ts';
import type { Oid, Relation } from '../sql/catalog/catalog.ts';
import type { Template } from '../sql/text/template.ts';
import { fitName } from './names.ts';
import type { Needed } from './needed.ts';
import { qualified } from './sql-text.ts';
import { either, forAnyOf } from './union.ts';
import {
  type FilteredCommand,
  ownSchema,
  POLICY_PREFIX,
  type RowFilter,
  type WallKind,
  type WallRowCheck,
} from './wall.ts';

export interface RowFilters {
  readonly filters: readonly RowFilter[];
  readonly checks: readonly WallRowCheck[];
  /** Attributes that only a token brings: conditions that use them are left out of the filters. */
  readonly unknown: readonly string[];
}

interface Part {
  readonly account: string;
  readonly kind: WallKind;
  readonly principals: readonly Principal[];
}

/** One filter and its parts: for each set of rows, the conditions that restrict it. */
interface Draft {
  readonly relation: Relation;
  readonly command: FilteredCommand;
  readonly sets: readonly (readonly Condition[])[];
}

/** Row security is for tables alone (manual, section 5.9). */
export function canFilter({ kind }: Relation): boolean {
  return kind === 'r' || kind === 'p';
}

export function rowFilters(grants: readonly RelationGrant[], needed: ReadonlyMap<Oid, Needed>, part: Part): RowFilters {
  const drafts = draftsOf(grants, needed);
  const turning = inCircles(drafts);
  const checks: WallRowCheck[] = [];
  const unknown = new Set<string>();
  const filters = drafts.map((draft): RowFilter => {
    const { relation, command, sets } = draft;
    const unions = sets.map((set) => forAnyOf(set, part.principals));
    for (const name of unions.flatMap((union) => union.unknown)) unknown.add(name);
    // A direct client brings no token, so conditions on a token's attributes show it no row.
    const nobodys = part.kind === 'direct' ? unions.filter((union) => union.unknown.length > 0) : [];
    let template = either(unions.map((union) => (nobodys.includes(union) ? ['(false)'] : union.template)));
    const conditions = sets.flat();
    const reads = conditions.some(({ needs }) => (needs?.elsewhere.length ?? 0) > 0);
    if (reads && (part.kind === 'direct' || turning.has(relation.oid))) {
      const check = asCheck(draft, template, conditions);
      checks.push(check);
      template = callOf(check, part.account);
    }
    const name = fitName(`${POLICY_PREFIX}${command} ${part.account}`);
    return {
      name,
      relation,
      command,
      ...(command !== 'INSERT' && { using: template }),
      ...((command === 'INSERT' || command === 'UPDATE') && { check: template }),
    };
  });
  return { filters, checks, unknown: [...unknown] };
}

function draftsOf(grants: readonly RelationGrant[], needed: ReadonlyMap<Oid, Needed>): Draft[] {
  const drafts: Draft[] = [];
  const add = (relation: Relation, command: FilteredCommand, sets: Draft['sets']): void => {
    // A set without a condition holds every row.
    if (canFilter(relation) && sets.length > 0 && sets.every((set) => set.length > 0))
      drafts.push({ relation, command, sets });
  };
  for (const { relation, rows } of needed.values()) add(relation, 'SELECT', rows);
  for (const { relation, insert, update, delete: remove } of grants) {
    if (insert) add(relation, 'INSERT', [insert.conditions]);
    if (update) add(relation, 'UPDATE', [update.conditions]);
    if (remove) add(relation, 'DELETE', [remove.conditions]);
  }
  return drafts.sort((a, b) => a.relation.oid - b.relation.oid);
}

/**
 * Relations with a filter that reads the relation itself through other filters: PostgreSQL refuses such policies as infinite recursion. Their filters
 * read through a function that bypasses row security.
 */
function inCircles(drafts: readonly Draft[]): ReadonlySet<Oid> {
  const reads = new Map<Oid, Set<Oid>>();
  for (const { relation, sets } of drafts) {
    const known = reads.get(relation.oid) ?? new Set();
    for (const condition of sets.flat())
      for (const read of condition.needs?.elsewhere ?? []) known.add(read.relation.oid);
    reads.set(relation.oid, known);
  }
  const reached = (from: Oid): Set<Oid> => {
    const found = new Set<Oid>();
    const queue = [...(reads.get(from) ?? [])];
    for (let oid = queue.pop(); oid !== undefined; oid = queue.pop()) {
      if (found.has(oid)) continue;
      found.add(oid);
      queue.push(...(reads.get(oid) ?? []));
    }
    return found;
  };
  return new Set([...reads.keys()].filter((oid) => reached(oid).has(oid)));
}

function asCheck({ relation, command }: Draft, template: Template, conditions: readonly Condition[]): WallRowCheck {
  const read = new Set(conditions.flatMap(({ needs, reads }) => [...(needs?.columns ?? []), ...reads]));
  const columns = relation.columns.map(({ name }) => name).filter((name) => read.has(name));
  const row = columns.map((column, at) => `$${at + 1} AS ${quoteIdentifier(column)}`).join(', ');
  const body = template.map((piece) => (typeof piece === 'string' ? piece : 'rowgate_row')).join('');
  return {
    name: fitName(`${command} ${relation.schema}.${relation.name}`),
    relation,
    columns,
    body: `SELECT ${body} FROM (SELECT ${row === '' ? '1' : row}) AS rowgate_row`,
  };
}

function callOf(check: WallRowCheck, account: string): Template {
  const args = check.columns.flatMap(
    (column, at): Template => [at > 0 ? ', ' : '', { kind: 'row' }, `.${quoteIdentifier(column)}`],
  );
  return [`(${qualified({ schema: ownSchema({ account }), name: check.name })}(`, ...args, '))'];
}
