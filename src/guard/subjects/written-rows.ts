/** Rows that a statement inserts or changes: what they are made from, and whose they are. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import type { Catalog, Column } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { baseType, typmodOf } from '../../sql/types/type.ts';
import { type Conflict, conflictOf } from './conflicts.ts';
import type { Key, KeyOrigin } from './key.ts';
import { isOneKey } from './key-types.ts';
import type { ProvenRows, RowsKey } from './rows.ts';
import type { ShownKeys } from './shown-keys.ts';
import type { SubjectRelations } from './subject-relations.ts';
import type { LevelProofs, Values } from './values.ts';
import { assignedValue, insertColumns, setItems } from './written-columns.ts';

export class WrittenRows {
  /** What ON CONFLICT tells, by the statement that has it. */
  readonly conflicts = new Map<Write, Conflict>();
  /** What SET lists put into columns: it chooses no rows. */
  readonly assigned = new Set<Node>();
  /** Keys of a query whose rows are inserted, by the keys of the written rows. */
  private readonly takenAs = new Map<Key, Key>();

  constructor(
    analysis: Analysis,
    private readonly catalog: Catalog,
    private readonly relations: SubjectRelations,
    private readonly shown: ShownKeys,
    private readonly values: Values,
    private readonly proofs: LevelProofs,
  ) {
    for (const write of analysis.marks.writes) {
      for (const item of setItems(write)) for (const node of assignedBy(item)) this.assigned.add(node);
      const conflict = conflictOf({ role: relations.role, catalog, relations }, analysis, write);
      if (conflict) this.conflicts.set(write, conflict);
    }
  }

  /** Whether it reads rows of its table: an INSERT those in its way alone. */
  readsTarget(write: Write | undefined): boolean {
    if (write?.command !== 'InsertStmt') return true;
    const conflict = this.conflicts.get(write);
    return conflict !== undefined && conflict.kind !== 'nothing';
  }

  /**
   * Notes whose the rows of the target are after the write. `taken`: the keys of the inserted rows, as the level of the write has them; undefined if
   * no query gives them.
   */
  enter(level: QueryLevel, write: Write, taken: ReadonlyMap<Key, Key> | undefined): void {
    const { source, target } = write;
    if (target?.source.kind !== 'relation') return;
    for (const [inner, key] of taken ?? []) this.takenAs.set(inner, key);
    const { view } = target.source;
    const rows = source && this.proofs.rowsOf(source);
    const conflict = this.conflicts.get(write);
    const names = insertColumns(write);
    const filled = new Set<number>();
    view.columns.forEach(({ column }, index) => {
      const at = names.indexOf(column.name);
      if (at >= 0 && rows?.values.has(at)) filled.add(index);
      const own = target.columns[index];
      if (!own || !this.relations.of(view.relation).keys.has(column.name)) return;
      const place = { entry: target, column: own };
      const read = this.shown.get(place);
      if (conflict?.kind === 'given') {
        const given = conflict.keys.find((one) => one.column === at);
        if (given) read?.give(given);
      }
      const kept = this.keptAt(rows, source, column, at);
      const key = kept && taken?.get(kept.key);
      // If the keys of a query's rows belong to no one, it is unknown whose rows they conflict with.
      if (!key && conflict?.kind === 'given' && conflict.keys.length === 0)
        this.conflicts.set(write, { kind: 'others' });
      if (!key) return;
      // ON CONFLICT that finds rows by this key alone, and leaves it as it is, finds rows of the same person.
      if (read && conflict?.kind === 'given') read.unite(key);
      else if (!read && own.access === 'granted') this.shown.set(place, key);
    });
    for (const item of setItems(write)) {
      const index = view.columns.findIndex(({ column }) => column.name === as(item, 'ResTarget')?.name);
      if (index >= 0 && this.values.isIn(assignedValue(item), level)) filled.add(index);
    }
    this.values.note(target, filled);
  }

  /** The key of a query's rows that goes into a key column of the table that they are inserted into. */
  private keptAt(
    rows: ProvenRows | undefined,
    source: QueryLevel | undefined,
    column: Column,
    at: number,
  ): RowsKey | undefined {
    const type = source?.outputs[at]?.type;
    if (type === undefined || !isOneKey(this.catalog, { type: column.type }, { type })) return undefined;
    return rows?.keys.find(({ key, columns }) => key.comparable && columns.includes(at) && this.fits(key, column));
  }

  /** INVARIANT 260: in a column with a length or a scale a text loses blanks, a number is rounded, and then it is the key of another person. */
  private fits(key: Key, column: Column): boolean {
    const { catalog } = this;
    const typmod = typmodOf(catalog, column);
    const isAlike = (from: Column | undefined): boolean =>
      from !== undefined &&
      typmodOf(catalog, from) === typmod &&
      baseType(catalog, from.type) === baseType(catalog, column.type);
    const came = ({ entry: { source, columns }, column: shown, inner }: KeyOrigin): boolean => {
      if (inner) return this.fits(inner, column);
      return (
        shown !== undefined &&
        source.kind === 'relation' &&
        isAlike(source.view.columns[columns.indexOf(shown)]?.column)
      );
    };
    return typmod < 0 || key.origins.some(came);
  }

  /** Whether the rows of a write depend only on people whose keys the rows have in the end. */
  areOfTarget(write: Write, rows: ProvenRows): boolean {
    const { target, source } = write;
    if (target?.source.kind !== 'relation') return rows.keys.length === 0;
    const names = insertColumns(write);
    const { relation } = target.source.view;
    const keys = this.relations.of(relation).keys;
    const isKept = ({ key }: RowsKey): boolean =>
      key.origins.some(({ entry }) => entry === target) ||
      (source !== undefined &&
        relation.columns.some((column) => {
          const at = names.indexOf(column.name);
          const kept =
            keys.has(column.name) && at >= 0 ? this.keptAt(this.proofs.rowsOf(source), source, column, at) : undefined;
          return kept !== undefined && this.takenAs.get(kept.key)?.one === key.one;
        }));
    return rows.keys.every(isKept);
  }
}

/** The expressions of an item of SET. */
function assignedBy(item: Node): Node[] {
  const value = assignedValue(item);
  const row = as(value, 'RowExpr')?.args;
  return value ? [value, ...(row ?? [])] : [];
}
