/** What an account must be able to read at the server so that Rowgate's statements of a role run, and why. */

import type { Condition, RelationGrant, SqlNeeds } from '../policy/model/policy.ts';
import type { Oid, Relation } from '../sql/catalog/catalog.ts';
import type { WallKind } from './wall.ts';

/** Columns and rows of one relation that are read, and by what. */
export class Needed {
  readonly columns = new Map<string, Set<string>>();
  /** Each is a set of rows, those for which all its conditions hold; of several, all are read. */
  readonly rows: (readonly Condition[])[] = [];

  constructor(readonly relation: Relation) {}

  read(columns: readonly string[], by: string): void {
    // Whatever reads rows alone still needs a column (manual, GRANT).
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
    // Rows that another set holds already: fewer conditions, all of them among these.
    if (this.rows.some((known) => texts(known).every((text) => own.includes(text)))) return;
    this.rows.push(conditions);
  }
}

/**
 * By relation: everything that the statements of a role may read at the server; `direct`: only what the role itself may.
 * `grouped`: the role sees groups of enough alone (`min_group`).
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
    // Who is counted: the people of its keys, or of a table about nobody the rows, which have no name but their place.
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
      // Rowgate has the server say in RETURNING whether the row as it is stored may be written.
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
