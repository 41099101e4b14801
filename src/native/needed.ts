/** What an account must be able to read so that Rowgate's statements of a role run, and the reason for each. */

import type { Condition, RelationGrant, SqlNeeds } from '../policy/model/policy.ts';
import type { Oid, Relation } from '../sql/catalog/catalog.ts';
import type { WallKind } from './wall.ts';

/** The columns and rows of one relation that are read, and the reason. */
export class Needed {
  readonly columns = new Map<string, Set<string>>();
  /** Each element is a set of rows: those that meet all its conditions. The account reads their union. */
  readonly rows: (readonly Condition[])[] = [];

  constructor(readonly relation: Relation) {}

  read(columns: readonly string[], by: string): void {
    // Even a statement that names no column needs the right on one (manual, GRANT).
    const read = columns.length > 0 ? columns : [keyOf(this.relation)];
    for (const column of read) {
      const known = this.columns.get(column);
      if (known) known.add(by);
      else this.columns.set(column, new Set([by]));
    }
  }

  addRows(conditions: readonly Condition[]): void {
    const texts = (list: readonly Condition[]): string[] => list.map(({ filter }) => JSON.stringify(filter));
    const own = texts(conditions);
    // Skips a set that lies inside a known one: the known one has fewer conditions, all of them among these.
    if (this.rows.some((known) => texts(known).every((text) => own.includes(text)))) return;
    this.rows.push(conditions);
  }
}

/**
 * By relation: everything that the statements of a role may read at the server; `direct`: only what the role itself may.
 * `grouped`: the role only sees groups of a minimal size (`min_group`).
 */
export function neededBy(grants: Iterable<RelationGrant>, kind: WallKind, grouped: boolean): Map<Oid, Needed> {
  const needed = new Map<Oid, Needed>();
  const of = (relation: Relation): Needed => {
    const known = needed.get(relation.oid) ?? new Needed(relation);
    needed.set(relation.oid, known);
    return known;
  };
  const readElsewhere = (needs: SqlNeeds, by: string): void => {
    for (const { relation, columns, rows } of needs.elsewhere) {
      of(relation).read(columns, by);
      of(relation).addRows(rows ?? []);
    }
  };
  for (const { relation, select, insert, update, delete: remove, subjectKeys = [] } of grants) {
    const own = of(relation);
    const where = `${relation.schema}.${relation.name}`;
    for (const { column, mask, maskNeeds } of select?.columns.values() ?? []) {
      if (!mask) own.read([column.name], '');
      else if (maskNeeds && kind === 'guard') {
        const by = `the mask of ${where}.${column.name}`;
        own.read(maskNeeds.columns, by);
        readElsewhere(maskNeeds, by);
      }
    }
    // Groups are counted by the keys of data subjects; a table without subjects counts rows, by their position.
    if (select && grouped && kind === 'guard')
      own.read(subjectKeys.length > 0 ? subjectKeys : ['tableoid', 'ctid'], 'the counting of groups');
    if (select) own.addRows(select.conditions);
    for (const command of kind === 'guard' ? [select, insert, update, remove] : []) {
      for (const { needs, rule } of command?.conditions ?? []) {
        if (!needs) continue;
        const by = `the rows of ${where} (${rule})`;
        if (needs.columns.length > 0) own.read(needs.columns, by);
        readElsewhere(needs, by);
      }
    }
    for (const command of [insert, update]) {
      if (!command || command.conditions.length === 0) continue;
      // Rowgate's RETURNING asks the server whether the stored row may be written.
      if (kind === 'guard' && relation.kind !== 'v') own.read(['tableoid'], 'the check of a written row');
      own.addRows(command.conditions);
    }
    if (!select) for (const command of [update, remove]) if (command) own.addRows(command.conditions);
  }
  return needed;
}

function keyOf(relation: Relation): string {
  const key = relation.columns.find(({ attnum }) => relation.primaryKey.includes(attnum)) ?? relation.columns[0];
  return key?.name ?? 'tableoid';
}
