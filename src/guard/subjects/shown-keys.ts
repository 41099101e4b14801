/** Which columns of FROM items show which key, unchanged. */
import type { RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Key } from './key.ts';

export interface ColumnOf {
  readonly entry: RangeTableEntry;
  readonly column: RangeTableColumn;
}

export class ShownKeys {
  private readonly keys = new Map<RangeTableEntry, Map<RangeTableColumn, Key>>();

  set({ entry, column }: ColumnOf, key: Key): void {
    const columns = this.keys.get(entry) ?? new Map<RangeTableColumn, Key>();
    this.keys.set(entry, columns.set(column, key));
  }

  /** Through joins: a column that USING or NATURAL merged shows what the side shows from which it is taken. */
  get(found: ColumnOf): Key | undefined {
    const { entry, column } = found;
    const own = this.keys.get(entry)?.get(column);
    if (own) return own.one;
    // `same` is there only where the join takes the value of that side, of the same type (`sql/analyze/join.ts`).
    const source = column.from ?? (column.merged ? column.same : undefined);
    return source && this.get(source);
  }

  /** None if two different people can be equal under its comparison. A subquery's column does not tell its collation, but its key does. */
  comparable(found: ColumnOf): Key | undefined {
    const key = this.get(found);
    return key?.comparable ? key : undefined;
  }
}
