/** The rows of a running statement: each is admitted, or the statement is cut off. */

import { type Refusal, refusal } from '../errors.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { HEADER_BYTES } from '../wire/message-cursor.ts';
import type { Conversation } from './conversation.ts';
import { refusalResponse } from './refusal-response.ts';
import type { Run } from './run.ts';

/** A DataRow or CopyData of a run's result. @returns whether it may go to the client. */
export function admitRow(c: Conversation, run: Run, frame: Frame): boolean {
  const before = run.cut;
  const rows = isRow(run, frame) ? 1 : 0;
  run.messages += 1;
  if (run.admit(frame.length - HEADER_BYTES, rows)) return true;
  if (before === undefined) cutOff(c, run);
  return false;
}

/** Of COPY the server sends each row as a message of its own; but a line of names comes first where it was asked for, and binary data ends with one that is empty. */
function isRow({ statement, messages }: Run, frame: Frame): boolean {
  const { kind } = statement;
  if (kind.kind !== 'copy-out') return true;
  return kind.format.kind === 'binary' ? !isTrailer(frame, messages === 0) : !(kind.format.header && messages === 0);
}

/**
 * A count of fields of -1: alone, or behind the header where there is no row at all. INVARIANT: told by its place, never by bytes that
 * a tuple may have as well: the header is 19 bytes, and stands in the first message alone.
 */
function isTrailer({ bytes, length }: Frame, first: boolean): boolean {
  return length === HEADER_BYTES + (first ? 21 : 2) && bytes.at(-2) === 0xff && bytes.at(-1) === 0xff;
}

/** The server says how many rows a statement has changed, or a COPY brought in. @returns whether it may stand. */
export function admitChanged(run: Run, changed: number): boolean {
  // INVARIANT: its own count decides, however the data was cut into rows on its way.
  return run.watch.input === undefined || run.admitInput(changed, run.bytes);
}

/** A portal that stops before its end has not said how many rows it has changed. @returns whether it may stand. */
export function admitSuspended(run: Run): boolean {
  // INVARIANT: a count that may never come is one too many: the client can commit without asking for the rest.
  if (run.watch.input?.changed !== undefined && !run.cut) run.cut = suspended();
  return run.cut === undefined;
}

function suspended(): Refusal {
  return refusal('unsupported', '0A000', 'a write whose changed rows are limited cannot return its rows in parts', {
    hint: 'Ask for all of them at once, without a limit or a fetch size.',
  });
}

/** Something else of a run's result, which may pass once it is shown that every column may be read. */
export function verify(c: Conversation, run: Run): boolean {
  const before = run.cut;
  if (run.verify()) return true;
  if (before === undefined) cutOff(c, run);
  return false;
}

/** Reads on where the server stops by itself; else asks it to stop. Over the bytes it may have much more to send, bounded or not. */
function cutOff(c: Conversation, run: Run): void {
  if (run.bounded && run.cut?.reason !== 'limit-bytes') return;
  if (c.ports.pooling === undefined) {
    c.cancel();
    return;
  }
  // INVARIANT: a cancel that goes through a pooler may hit what another client runs next on that connection; so none is sent.
  c.records.end(run, 'cut', { sqlstate: run.cut!.sqlstate });
  c.end(run.cut);
}

/** Tells the client why it sees no more of a statement; the only error that it sees of it. */
export function tellCut(c: Conversation, run: Run): void {
  c.toClient.add(refusalResponse(run.cut!, run.id));
  c.records.end(run, 'cut', { sqlstate: run.cut!.sqlstate });
}

/** Rows that a command changed, by its tag: `INSERT 0 5`, `UPDATE 5`, `MERGE 5`, `COPY 5` of data that came in. */
export function rowsChanged(tag: string, run: Run): number {
  if (run.statement.kind.kind === 'read') return 0;
  const [command] = tag.split(' ', 1);
  const changes = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE';
  if (!changes && !(command === 'COPY' && run.statement.kind.kind === 'copy-in')) return 0;
  return Number(tag.slice(tag.lastIndexOf(' ') + 1)) || 0;
}
