/**
 * New rows that are judged as they are stored: the column that the rewriting added is taken out of what the server answers, and its error
 * becomes the refusal that it stands for.
 */
import type { Refusal } from '../errors.ts';
import type { RowCheck } from '../guard/decision.ts';
import { WithoutLastColumn } from '../wire/data-row.ts';
import type { ErrorFields } from '../wire/error-response.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { Backend } from '../wire/message-types.ts';
import { MessageWriter } from '../wire/message-writer.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { decodeRowDescription, rowDescription } from '../wire/row-description.ts';
import type { Pending } from './pending.ts';
import type { Added } from './row-check.ts';

/** Takes the added column out of the answers, frame by frame, before anything else sees them. */
export class AddedColumn {
  /** Of the row that passes in pieces. */
  private row: WithoutLastColumn | undefined;
  private dropping = false;

  /** @param head what the frame answers. @returns the frame as the server would have sent it without the column; undefined for none. */
  take(head: Pending | undefined, frame: Frame): Frame | undefined {
    if (frame.first) {
      const added = addedTo(head);
      this.row = undefined;
      this.dropping = false;
      if (added === undefined) return frame;
      if (frame.type === Backend.RowDescription) return describeWithout(added, head, frame);
      if (frame.type !== Backend.DataRow) return frame;
      this.row = new WithoutLastColumn();
      this.dropping = added === 'only';
    }
    const left = this.row ? this.row.take(frame) : frame;
    return this.dropping ? undefined : left;
  }
}

function addedTo(head: Pending | undefined): Added {
  switch (head?.kind) {
    case 'describe':
      return head.added;
    case 'execute':
      return head.run?.watch.check?.added;
    case 'query':
      return head.runs[head.at]?.watch.check?.added;
    default:
      return undefined;
  }
}

/** A Query says nothing of a result without columns; a Describe says that there is none. */
function describeWithout(added: Added, head: Pending | undefined, frame: Frame): Frame | undefined {
  const fields = decodeRowDescription(frame.bytes);
  // INVARIANT: the last one is an expression of the guard's, not a column of the client's.
  if (fields.at(-1)?.table !== 0) throw new ProtocolError('server described an unexpected column');
  if (added === 'last') return framed(rowDescription(fields.slice(0, -1)));
  return head?.kind === 'describe' ? framed(new MessageWriter(Backend.NoData).finish()) : undefined;
}

function framed(bytes: Uint8Array): Frame {
  return { type: bytes[0]!, length: bytes.length, bytes, first: true, last: true };
}

/** How the text ends that could not be cast, in quotes of any language. */
const VIOLATION = /\browgate_check (\d{1,5})\W*$/;

/**
 * What the client is told in the place of the check's error. Another text that ends so, of the client's own, can fail in the same way; it tells
 * no more than that it failed, which its SQLSTATE does as well. INVARIANT: not one that code of the database raises, with a context
 * or an internal query: whether a value that it has seen ends so would show.
 */
export function violationIn(head: Pending, fields: ErrorFields): Refusal | undefined {
  const check = checkFailed(head);
  if (!check || fields.get('C') !== '22P02' || fields.has('W') || fields.has('q')) return undefined;
  const number = VIOLATION.exec(fields.get('M') ?? '')?.[1];
  return number === undefined ? undefined : check.violations[Number(number)];
}

function checkFailed(head: Pending): RowCheck | undefined {
  switch (head.kind) {
    case 'execute':
      return head.run?.watch.check;
    case 'query':
      return head.runs[head.at]?.watch.check;
    default:
      return undefined;
  }
}

/** A Bind that has formats for too many or too few columns: the server counts one more in each number. */
export function withoutAdded(fields: ErrorFields, head: Pending | undefined): ErrorFields {
  if (head?.kind !== 'bind' || head.portal?.added !== 'last' || fields.get('R') !== 'PortalSetResultFormat')
    return fields;
  const message = (fields.get('M') ?? '').replaceAll(/\d+/g, (number) => String(Number(number) - 1));
  return new Map([...fields, ['M', message]]);
}
