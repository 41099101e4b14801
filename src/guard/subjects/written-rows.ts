/** Rows that a statement inserts or changes: what they are made from, and whose they are. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { type Conflict, conflictOf } from './conflicts.ts';
import type { ShownKeys } from './shown-keys.ts';
import type { SubjectRelations } from './subject-relations.ts';
import type { LevelProofs, Values } from './values.ts';
import { assignedValue, insertColumns, setItems } from './written-columns.ts';

export class WrittenRows {
  /** What ON CONFLICT tells, by the statement that has it. */
  readonly conflicts = new Map<Write, Conflict>();
  /** What SET lists put into columns: it chooses no rows. */
  readonly assigned = new Set<Node>();
  constructor(
    analysis: Analysis,
    catalog: Catalog,
    relations: SubjectRelations,
    private readonly shown: ShownKeys,
    private readonly values: Values,
    private readonly proofs: LevelProofs,
  ) {
    for (const write of analysis.marks.writes) {
      const { target } = write;
      for (const item of setItems(write)) for (const node of assignedBy(item)) this.assigned.add(node);
      const held = target?.source.kind === 'relation' && relations.of(target.source.view.relation);
      const conflict = held ? conflictOf(analysis, write, held, catalog) : undefined;
      if (conflict) this.conflicts.set(write, conflict);
    }
  }

  /** Whether it reads rows of its table: an INSERT those in its way alone. */
  readsTarget(write: Write | undefined): boolean {
    if (write?.command !== 'InsertStmt') return true;
    const conflict = this.conflicts.get(write);
    return conflict !== undefined && conflict.kind !== 'nothing';
  }

  /** Notes which columns of the target are values after the write, and which people ON CONFLICT finds there. */
  enter(level: QueryLevel, write: Write): void {
    const { source, target } = write;
    if (target?.source.kind !== 'relation') return;
    const { columns } = target.source.view;
    const filled = new Set<number>();
    const indexOf = (name: string | undefined): number => columns.findIndex(({ column }) => column.name === name);
    const names = insertColumns(write);
    for (const at of source ? this.proofs.rowsOf(source).values : []) filled.add(indexOf(names[at]));
    for (const item of setItems(write))
      if (this.values.isIn(assignedValue(item), level)) filled.add(indexOf(as(item, 'ResTarget')?.name));
    this.values.note(target, filled);
    const conflict = this.conflicts.get(write);
    for (const given of conflict?.kind === 'given' ? conflict.keys : []) {
      const column = target.columns[indexOf(names[given.column ?? -1])];
      if (column) this.shown.get({ entry: target, column })?.give(given);
    }
  }
}

/** The expressions of an item of SET. */
function assignedBy(item: Node): Node[] {
  const value = assignedValue(item);
  const row = as(value, 'RowExpr')?.args;
  return value ? [value, ...(row ?? [])] : [];
}
