/** The part of an answer that is compared: between the two guarded databases every byte; with the database of visible rows alone, what a client relies on. */
import { conditionName } from '../../src/session/server/conditions.ts';
import { decodeErrorFields } from './error-fields.ts';
import type { Frame } from './lane.ts';

const ROWS = new Set(['D', 'd']);

/** The parts that two guarded databases must have in common: every byte, rows as a multiset where their order is open; with `failsAnyhow` only that they fail. */
export function everyByte(
  frames: readonly Frame[],
  { ordered, failsAnyhow }: { readonly ordered: boolean; readonly failsAnyhow: boolean },
  database: string,
): string[] {
  return inOrder(frames, ordered, ({ type, body }) => {
    if (type !== 'E' && type !== 'N') return `${type} ${body.toString('latin1')}`;
    if (type === 'E' && failsAnyhow) return 'E';
    // A refusal carries the number of its decision.
    return `${type} ${body
      .toString('utf8')
      .replaceAll(database, 'DATABASE')
      .replace(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, 'ID')}`;
  });
}

/** Names, types, rows, tags and SQLSTATEs. `rowTypes`: rows of these types are plain records where a subquery replaces the table. */
export function whatIsSeen(frames: readonly Frame[], ordered: boolean, rowTypes: ReadonlySet<number>): string[] {
  // In a failed statement, everything before the error is open.
  const fails = (i: number): boolean =>
    frames.slice(i).find(({ type }) => !ROWS.has(type) && type !== 'N')?.type === 'E';
  const seen = frames.filter(({ type }, i) => type !== 'N' && type !== 'S' && !(type === 'T' && fails(i + 1)));
  return inOrder(seen, ordered, ({ type, body }) => {
    if (type === 'T') return `T ${columnsOf(body, rowTypes).join(', ')}`;
    if (type === 'E') return `E ${decodeErrorFields(body).get('C')}`;
    return `${type} ${body.toString('latin1')}`;
  });
}

/** Rowgate itself answered so, before anything ran. */
export function refusals(frames: readonly Frame[]): string[] {
  return frames.flatMap(({ type, body }) => {
    if (type !== 'E') return [];
    const fields = decodeErrorFields(body);
    const message = fields.get('M') ?? '';
    // A message of the server names a place in its source, unless it was redacted.
    const own = !fields.has('R') && message !== conditionName(fields.get('C') ?? '');
    return own && !LATER.test(message) ? [message] : [];
  });
}

/** Errors of Rowgate's own about what has run. */
const LATER = /^new row violates|limit/;

export function sqlstates(frames: readonly Frame[]): string[] {
  return frames.filter(({ type }) => type === 'E').map(({ body }) => decodeErrorFields(body).get('C') ?? '');
}

/** Messages that come with a row: triggers send some for each. */
const BY_ROW = new Set([...ROWS, 'N']);

function inOrder(frames: readonly Frame[], ordered: boolean, shown: (frame: Frame) => string): string[] {
  const lines: string[] = [];
  let rows: string[] = [];
  for (const frame of frames) {
    if (BY_ROW.has(frame.type)) {
      rows.push(shown(frame));
      continue;
    }
    // Which rows came before an error, or the row limit, and what was said of them is as open as their order.
    if (frame.type !== 'E' || ordered) lines.push(...(ordered ? rows : rows.sort()));
    lines.push(shown(frame));
    rows = [];
  }
  return [...lines, ...rows];
}

const RECORD = 2249;

/** Name and type of each column of a RowDescription (manual, section 54.7). */
function columnsOf(body: Buffer, rowTypes: ReadonlySet<number>): string[] {
  const columns: string[] = [];
  let at = 2;
  while (at < body.length) {
    const end = body.indexOf(0, at);
    const type = body.readUInt32BE(end + 7);
    columns.push(`${body.toString('utf8', at, end)} ${rowTypes.has(type) ? RECORD : type}`);
    at = end + 19;
  }
  return columns;
}
