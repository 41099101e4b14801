/** Tables: sorted by a click on a heading, and of long ones only the rows that are in sight are in the page. */
import {
  createSortedRowModel,
  type ReactTable,
  rowSortingFeature,
  sortFn_basic,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useMemo, useRef, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { Empty } from './states.tsx';

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  cell(row: Row): ReactNode;
  /** What it is sorted by; without it, it is not. */
  readonly by?: (row: Row) => string | number | undefined;
  /** The form of the cells: aligned digits, one line that is cut, or several lines. */
  readonly look?: 'number' | 'clip' | 'wrap';
  /** It names the row. */
  readonly isName?: boolean;
}

interface TableProps<Row> {
  /** The table's caption for screen readers; not visible. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly empty: string;
  readonly isCurrent?: (row: Row) => boolean;
}

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
});

/** From so many rows on. */
const MANY = 80;
const ROW_PX = 31;

export function DataTable<Row extends object>(props: TableProps<Row>): ReactNode {
  return props.rows.length === 0 ? <Empty>{props.empty}</Empty> : <Filled {...props} />;
}

function Filled<Row extends object>({ label, columns, rows, keyOf, isCurrent }: TableProps<Row>): ReactNode {
  const { t } = useTranslation();
  const scroll = useRef<HTMLElement>(null);
  const printed = usePrinted();
  const definitions = useMemo(
    () =>
      columns.map(({ id, by }) => ({
        id,
        accessorFn: by ?? (() => undefined),
        enableSorting: by !== undefined,
        sortFn: 'basic' as const,
        sortUndefined: 'last' as const,
      })),
    [columns],
  );
  const table = useTable({ features, columns: definitions, data: rows as Row[], getRowId: keyOf });
  const sorted = table.getRowModel().rows;
  const isLong = sorted.length >= MANY && !printed;
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 20,
    enabled: isLong,
  });
  const inSight = virtual.getVirtualItems();
  const shown = isLong ? inSight.map(({ index }) => sorted[index]!) : sorted;
  const first = inSight[0];
  const last = inSight[inSight.length - 1];
  const above = isLong && first ? first.start : 0;
  const below = isLong && last ? virtual.getTotalSize() - last.end : 0;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section ref={scroll} className={isLong ? 'scroll tall' : 'scroll'} tabIndex={0} aria-label={label}>
      <table aria-rowcount={isLong ? sorted.length + 1 : undefined}>
        <caption className="hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell key={column.id} column={column} table={table} hint={t('sort by', { column: column.title })} />
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Spacer height={above} columns={columns.length} />}
          {shown.map((row) => (
            <tr
              key={row.id}
              className={isCurrent?.(row.original) ? 'current' : undefined}
              aria-current={isCurrent?.(row.original) ? 'true' : undefined}
              aria-rowindex={isLong ? sorted.indexOf(row) + 2 : undefined}
            >
              {columns.map(({ id, cell, look, isName }) => {
                const Cell = isName ? 'th' : 'td';
                return (
                  <Cell key={id} scope={isName ? 'row' : undefined} className={look}>
                    {cell(row.original)}
                  </Cell>
                );
              })}
            </tr>
          ))}
          {below > 0 && <Spacer height={below} columns={columns.length} />}
        </tbody>
      </table>
    </section>
  );
}

interface HeadProps<Row extends object> {
  readonly column: Column<Row>;
  readonly table: ReactTable<typeof features, Row>;
  readonly hint: string;
}

const ARIA = { asc: 'ascending', desc: 'descending' } as const;
const ARROWS = { asc: '▲', desc: '▼' } as const;

function HeadCell<Row extends object>({ column, table, hint }: HeadProps<Row>): ReactNode {
  const { id, title, by, look } = column;
  const state = table.getColumn(id)?.getIsSorted() || undefined;
  return (
    <th scope="col" className={look === 'number' ? look : undefined} aria-sort={state && ARIA[state]}>
      {by ? (
        <button type="button" title={hint} onClick={() => table.getColumn(id)?.toggleSorting()}>
          {title}
          <span aria-hidden="true">{state && ARROWS[state]}</span>
        </button>
      ) : (
        title
      )}
    </th>
  );
}

function Spacer({ height, columns }: { readonly height: number; readonly columns: number }): ReactNode {
  return (
    <tr>
      <td className="spacer" colSpan={columns} style={{ height }} />
    </tr>
  );
}

/** True while the page is printed: then all rows are. */
function usePrinted(): boolean {
  return useSyncExternalStore(onPrinted, () => print.matches);
}

const print = matchMedia('print');

function onPrinted(changed: () => void): () => void {
  print.addEventListener('change', changed);
  return () => print.removeEventListener('change', changed);
}
