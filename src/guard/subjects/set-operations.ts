/** What is proven of the rows of UNION, INTERSECT and EXCEPT. */
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { Key } from './key.ts';
import { isIntegerKey, isOneKey } from './key-types.ts';
import { isOthersChoice, type ProvenRows, type RowsKey, unknownRows } from './rows.ts';

/** Each person of a row is shown by the same column whichever query it comes from, and whichever it is held against. */
export function combinedRows(level: QueryLevel, left: ProvenRows, right: ProvenRows, catalog: Catalog): ProvenRows {
  const { op, all } = level.select ?? {};
  const appends = op === 'SETOP_UNION' && all === true;
  const values = new Set([...left.values, ...right.values]);
  const keys = pairs(left, right, level, catalog);
  // Equal rows become one: others' values must not decide which; nor may a LIMIT have chosen the rows.
  const told = !appends && (values.size > 0 || left.cut || right.cut);
  const twice = isOthersChoice(left) && isOthersChoice(right);
  if (!keys || left.loose || right.loose || told || twice)
    return unknownRows({ keys: [...left.keys, ...right.keys] }, level.outputs.length);
  const passed = left.passed.filter((one) =>
    right.passed.some((other) => other.column === one.column && other.key.one === one.key.one),
  );
  // Which rows are in both is known once all of them lie in a hash table.
  const openOrder = left.openOrder || right.openOrder || op !== 'SETOP_UNION';
  return { keys, passed, values, loose: false, cut: left.cut || right.cut, openOrder, open: false };
}

function pairs(
  left: ProvenRows,
  right: ProvenRows,
  level: QueryLevel,
  catalog: Catalog,
): readonly RowsKey[] | undefined {
  const fits = (one: RowsKey): RowsKey => {
    const isKey = (column: number) => {
      const { type, leaky } = level.outputs[column] ?? { type: 0, leaky: true };
      // INVARIANT 173: by a collation that another query brings, texts that differ may be alike.
      const isPlain = isIntegerKey(one.key.type) || !leaky;
      return isPlain && one.key.comparable && isOneKey(catalog, { type: one.key.type }, { type });
    };
    // INVARIANT 216: what is proven of one query's keys, as that a unique key holds them, is not proven of the other's rows.
    const key = new Key(level, one.key.type, one.key.comparable);
    return { key, columns: one.columns.filter(isKey), perhaps: one.perhaps.filter(isKey), list: false };
  };
  // A query whose rows depend on no person returns rows that are counted by the key in their column, if they show one.
  if (left.keys.length === 0) return right.keys.map(fits);
  if (right.keys.length === 0) return left.keys.map(fits);
  if (left.keys.length !== right.keys.length) return undefined;
  const others = right.keys.map(fits);
  const found: RowsKey[] = [];
  for (const one of left.keys.map(fits)) {
    const index = others.findIndex((other) => common(one, other).length > 0);
    const [twin] = index < 0 ? [] : others.splice(index, 1);
    if (!twin) return undefined;
    const columns = one.columns.filter((column) => twin.columns.includes(column));
    found.push({ ...one, columns, perhaps: common(one, twin).filter((column) => !columns.includes(column)) });
  }
  return found;
}

function common(one: RowsKey, other: RowsKey): number[] {
  const shown = [...other.columns, ...other.perhaps];
  return [...one.columns, ...one.perhaps].filter((column) => shown.includes(column));
}
