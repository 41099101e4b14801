/**
 * Removes the column that the rewriting added from the server's answer. For new rows that are judged as they are stored, its error becomes the
 * refusal that it means; for a read, the run gets the keys that it contained.
 */
import { Buffer } from 'node:buffer';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RowCheck } from '../../guard/decision.ts';
import { WithoutLastColumn, withoutLastValue } from '../../protocol/data-row.ts';
import type { ErrorFields } from '../../protocol/error-response.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { Backend } from '../../protocol/message-types.ts';
import { MessageWriter } from '../../protocol/message-writer.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { decodeRowDescription, rowDescription } from '../../protocol/row-description.ts';
import type { Execution } from '../state/execution.ts';
import type { PendingReply } from '../state/pending-replies.ts';
import type { Added } from '../state/row-check.ts';

/** Takes the added column out of the answers, frame by frame, before anything else sees them. */
export class AddedColumn {
  /** Of the row that passes in pieces. */
  private row: WithoutLastColumn | undefined;
  private dropping = false;
  private held: HeldRow | undefined;
  /** The run that gets the content of the column. */
  private keysFor: Execution | undefined;

  /** The run of a row whose keys come with its last piece, after the other pieces have passed, or which is shown to no one. */
  late: Execution | undefined;

  /** @param head what the frame answers. @returns the frame as the server would have sent it without the column; undefined for none. */
  take(head: PendingReply | undefined, frame: Frame): Frame | undefined {
    this.late = undefined;
    if (this.held) return this.hold(this.held, frame);
    if (frame.first) {
      const added = addedTo(head);
      const run = runOf(head);
      this.row = undefined;
      this.dropping = false;
      this.keysFor = undefined;
      if (run) run.hidden = undefined;
      if (added === undefined) return frame;
      if (frame.type === Backend.RowDescription) return describeWithout(added, head, frame);
      if (frame.type !== Backend.DataRow) return frame;
      this.dropping = added === 'only';
      const check = run?.watch.check;
      if (check?.keys) this.keysFor = run;
      if (run && check?.names?.format === 'json') return this.ofAnyLength(run, frame);
      this.row = new WithoutLastColumn(check?.keys && widthOf(check));
    }
    const left = this.row ? this.row.take(frame) : frame;
    this.late = frame.last && (!frame.first || this.dropping) ? this.keysFor : undefined;
    if (this.keysFor && this.row && frame.last) this.keysFor.hidden = this.row.value.toString('latin1');
    return this.dropping ? undefined : left;
  }

  /** The length of a row that comes in pieces would have to be told before that of the column is known: it is held until it is whole. */
  private ofAnyLength(run: Execution, frame: Frame): Frame | undefined {
    if (!frame.last) {
      if (frame.length <= MOST_HELD) return this.hold({ run, pieces: [] }, frame);
      run.cut ??= tooLong();
      this.dropping = true;
      return undefined;
    }
    const { row, value } = withoutLastValue(frame);
    run.hidden = value.toString('latin1');
    if (!this.dropping) return row;
    this.late = run;
    return undefined;
  }

  private hold(held: HeldRow, frame: Frame): Frame | undefined {
    // The piece may be a view of a chunk that is used again.
    held.pieces.push(new Uint8Array(frame.bytes));
    this.held = frame.last ? undefined : held;
    if (!frame.last) return undefined;
    return this.ofAnyLength(held.run, { ...frame, bytes: Buffer.concat(held.pieces), first: true });
  }
}

/** Bytes of a row that are held. */
const MOST_HELD = 1024 * 1024;

interface HeldRow {
  readonly run: Execution;
  readonly pieces: Uint8Array[];
}

/** Characters of keys that all have a width. */
function widthOf({ keys = [], names }: RowCheck): number {
  const widths = [...keys.map(({ width }) => width), ...(names?.format === 'fixed' ? names.widths : [])];
  return widths.reduce((sum, width) => sum + width, 0);
}

function addedTo(head: PendingReply | undefined): Added {
  return head?.kind === 'describe' ? head.added : runOf(head)?.watch.check?.added;
}

function runOf(head: PendingReply | undefined): Execution | undefined {
  switch (head?.kind) {
    case 'execute':
      return head.run;
    case 'query':
      return head.runs[head.at];
    default:
      return undefined;
  }
}

/** A Query has no message for a result without columns; a Describe has NoData. */
function describeWithout(added: Added, head: PendingReply | undefined, frame: Frame): Frame | undefined {
  const fields = decodeRowDescription(frame.bytes);
  // The last one is an expression of the guard's, not a column of the client's.
  if (fields.at(-1)?.table !== 0) throw new ProtocolError('server described an unexpected column');
  if (added === 'last') return framed(rowDescription(fields.slice(0, -1)));
  return head?.kind === 'describe' ? framed(new MessageWriter(Backend.NoData).finish()) : undefined;
}

function tooLong(): Refusal {
  return refusal('unsupported', '0A000', 'a long row shows people by keys that the guard has added', {
    hint: 'Name the key columns in the select list, first.',
  });
}

function framed(bytes: Uint8Array): Frame {
  return { type: bytes[0]!, length: bytes.length, bytes, first: true, last: true };
}

/** How the text ends that could not be cast, in quotes of any language. */
const VIOLATION = /\browgate_check (\d{1,5})\W*$/;

/**
 * The refusal that replaces the check's error. The client's own text could fail with the same ending; this reveals only that it failed, as its
 * SQLSTATE does. An error that the database's code raises, with a context or an internal query, is not replaced: it would show whether a value that
 * the code has seen ends so.
 */
export function violationIn(head: PendingReply, fields: ErrorFields): Refusal | undefined {
  const check = runOf(head)?.watch.check;
  if (!check || fields.get('C') !== '22P02' || fields.has('W') || fields.has('q')) return undefined;
  const number = VIOLATION.exec(fields.get('M') ?? '')?.[1];
  return number === undefined ? undefined : check.violations[Number(number)];
}

/** A Bind that has formats for too many or too few columns: the server counts one more in each number. */
export function withoutAdded(fields: ErrorFields, head: PendingReply | undefined): ErrorFields {
  if (head?.kind !== 'bind' || head.portal?.added !== 'last' || fields.get('R') !== 'PortalSetResultFormat')
    return fields;
  const message = (fields.get('M') ?? '').replaceAll(/\d+/g, (number) => String(Number(number) - 1));
  return new Map([...fields, ['M', message]]);
}
