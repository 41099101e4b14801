/** Replies to a script, and how much they tell when they are compared, whole and value by value. */
import { decodeErrorFields } from '../noninterference/error-fields.ts';
import type { Frame } from '../noninterference/lane.ts';

/** The frames that answer one message. */
export type Reply = readonly Frame[];

/** Splits frames into one answer for each message; the last one holds what came before the connection ended. */
export function repliesIn(frames: readonly Frame[]): Reply[] {
  const replies: Frame[][] = [[]];
  for (const frame of frames) {
    if (frame.type === 'Z') replies.push([]);
    else replies.at(-1)!.push(frame);
  }
  if (replies.at(-1)!.length === 0) replies.pop();
  return replies;
}

/** The server's frames; of an error the class alone, since no more of it passes a guard. */
export function plainText(replies: readonly Reply[]): string {
  return textOf(replies, (frame) =>
    frame.type === 'E' ? `E ${decodeErrorFields(frame.body).get('C')}` : bytesOf(frame),
  );
}

/** Every byte, except numbers of decisions, names of databases and of accounts, which differ between databases. */
export function guardedText(replies: readonly Reply[]): string {
  return textOf(replies, (frame) => {
    const bytes = bytesOf(frame);
    if (frame.type !== 'E' && frame.type !== 'N') return bytes;
    return bytes
      .replace(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, 'ID')
      .replace(/\btest_[0-9a-f]+/g, 'DATABASE')
      .replace(/\buser-\d+-\d+/g, 'user');
  });
}

/** Without the numbers of the tables in a RowDescription: a temporary one has another each time (manual, section 54.7). */
function bytesOf({ type, body }: Frame): string {
  if (type !== 'T') return `${type} ${body.toString('latin1')}`;
  const columns: string[] = [];
  for (let at = 2; at < body.length; ) {
    const end = body.indexOf(0, at);
    columns.push(body.toString('latin1', at, end) + body.toString('latin1', end + 5, end + 19));
    at = end + 19;
  }
  return `T ${columns.join(', ')}`;
}

function textOf(replies: readonly Reply[], shown: (frame: Frame) => string): string {
  return replies.map((frames) => frames.map(shown).join('\n')).join('\n--\n');
}

export function sqlstates(replies: readonly Reply[]): string[] {
  return replies.flat().flatMap(({ type, body }) => (type === 'E' ? (decodeErrorFields(body).get('C') ?? '') : []));
}

const BYTES_OF_VALUE = 8;

/**
 * So many values of 8 bytes `one` tells at least, that `other` has not at the same place: by column those that differ from the one that stands there most
 * often, and that once. What stood at the same place of an answer before it in the script is left out: it may be the same again. Of rows that only one of
 * them has, it is told that they are there: one at least. Of rows that come in another order, the order. Of an error, that it came.
 */
export function valuesTold(one: readonly Reply[], other: readonly Reply[]): number {
  let values = 0;
  const before: Cells[][] = [];
  for (const [result, otherResult] of pairsOf(one, other)) {
    const [rows, others] = [rowsOf(result), rowsOf(otherResult)];
    values += errorsTold(result, otherResult);
    if (isSameRows(rows, others)) {
      if (rows.some((row, at) => textOfRow(row) !== textOfRow(others[at]!))) values += valuesOfOrder(rows.length);
      before.push(rows);
      continue;
    }
    const byPlace = rows.slice(0, others.length).flatMap((row, at) =>
      row.flatMap((cell, column) => {
        const isNew = others[at]?.[column] !== cell && !before.some((last) => last[at]?.[column] === cell);
        return isNew ? [{ column, cell }] : [];
      }),
    );
    // A row more or less moves those that come behind it.
    const further = rowsLeft(rows, others).flatMap((row) => row.map((cell, column) => ({ column, cell })));
    values += Math.min(costOfColumns(byPlace), costOfColumns(further));
    before.push(rows);
  }
  return values;
}

function costOfColumns(cells: readonly { readonly column: number; readonly cell: string | null }[]): number {
  const byColumn = new Map<number, Cells>();
  for (const { column, cell } of cells) byColumn.set(column, [...(byColumn.get(column) ?? []), cell]);
  return [...byColumn.values()].reduce((sum, column) => sum + costOf(column), 0);
}

/** The rows behind the first ones and before the last ones that both have. */
function rowsLeft(rows: readonly Cells[], others: readonly Cells[]): readonly Cells[] {
  const [one, other] = [rows.map(textOfRow), others.map(textOfRow)];
  let start = 0;
  while (start < one.length && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < Math.min(one.length, other.length) - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  return rows.slice(start, rows.length - end);
}

/** The most rows that a result of `one` has and the same of `other` has not, where this is no error. */
export function rowsTold(one: readonly Reply[], other: readonly Reply[]): number {
  const counts = pairsOf(one, other).map(([result, others]) => {
    if (others.some(({ type }) => type === 'E')) return 0;
    const rows = rowsOf(others).map(textOfRow);
    return rowsOf(result).filter((row) => {
      const at = rows.indexOf(textOfRow(row));
      if (at >= 0) rows.splice(at, 1);
      return at < 0;
    }).length;
  });
  return Math.max(0, ...counts);
}

/** Of the aborted transaction, of a cursor that was not made, and of the guard: they tell what was told before. */
const FOLLOWING: readonly string[] = ['25P02', '34000', '42501', '53400'];

/** An error that the other has not is told beside all rows in front of it. */
function errorsTold(one: Reply, other: Reply): number {
  const others = sqlstates([other]);
  return sqlstates([one]).filter((code) => !others.includes(code) && !FOLLOWING.includes(code)).length;
}

const textOfRow = (row: Cells): string => JSON.stringify(row);

function isSameRows(one: readonly Cells[], other: readonly Cells[]): boolean {
  const sorted = (rows: readonly Cells[]): string => rows.map(textOfRow).sort().join();
  return one.length === other.length && sorted(one) === sorted(other);
}

/** The number of values that the order of so many rows can tell. */
function valuesOfOrder(rows: number): number {
  let bits = 0;
  for (let n = 2; n <= rows; n += 1) bits += Math.log2(n);
  return Math.ceil(bits / (8 * BYTES_OF_VALUE));
}

/** For a message with several statements, each by itself. */
function resultsIn(reply: Reply): Frame[][] {
  const results: Frame[][] = [[]];
  for (const frame of reply) {
    results.at(-1)!.push(frame);
    if (frame.type === 'C') results.push([]);
  }
  return results;
}

/** Each result of `one`, and that of `other` at the same place, until one of them fails: the rest follows from that. */
function pairsOf(one: readonly Reply[], other: readonly Reply[]): [Reply, Reply][] {
  const failed = one.findIndex((reply, i) => sqlstates([reply]).join() !== sqlstates([other[i] ?? []]).join());
  return one.slice(0, failed < 0 ? one.length : failed + 1).flatMap((reply, i) => {
    const others = resultsIn(other[i] ?? []);
    // Nothing comes behind an error.
    return resultsIn(reply).map((result, at): [Reply, Reply] => [result, others[at] ?? others.at(-1)!]);
  });
}

type Cells = readonly (string | null)[];

function costOf(cells: Cells): number {
  const weight = (cell: string | null): number => Math.max(1, Math.ceil((cell?.length ?? 0) / BYTES_OF_VALUE));
  const times = new Map<string | null, number>();
  for (const cell of cells) times.set(cell, (times.get(cell) ?? 0) + 1);
  const all = cells.reduce((sum, cell) => sum + weight(cell), 0);
  const free = Math.max(...[...times].map(([cell, count]) => (count - 1) * weight(cell)));
  return all - free;
}

/** Cells of DataRow, and the rows of COPY, each as one (manual, section 54.7); without what stands around all rows in its binary format. */
function rowsOf(reply: Reply): Cells[] {
  return reply.flatMap(({ type, body }): Cells[] => {
    if (type === 'd') {
      const row = body.toString('latin1').replace(/^PGCOPY\n\xff\r\n\0{9}/, '');
      return row === '' || row === '\xff\xff' ? [] : [[row]];
    }
    if (type !== 'D') return [];
    const row: (string | null)[] = [];
    for (let at = 2; at < body.length; ) {
      const length = body.readInt32BE(at);
      row.push(length < 0 ? null : body.toString('latin1', at + 4, at + 4 + length));
      at += 4 + Math.max(0, length);
    }
    return [row];
  });
}
