/**
 * Passes many rows of a run's result at once, if each would pass by itself (`row-flow.ts`), and no other message would come between them. If that is
 * not certain they are examined one by one: at a limit, only that way decides.
 */
import type { FrameReader } from '../../protocol/frame-reader.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import { Backend } from '../../protocol/message-types.ts';
import type { DisclosedByMany } from '../admission/budget-port.ts';
import { overLimit } from '../admission/statement-meter.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import type { PendingReply } from '../state/pending-replies.ts';
import { isCountedAlike, isTaken } from './policy-changes.ts';
import { RowHeaders } from './row-headers.ts';

/** With fewer bytes, it is not worth looking for many rows. */
const FEWEST_BYTES = 192;

export class RowBatch {
  private readonly rows = new RowHeaders();
  /** So many frames are to be looked at one by one before many are looked for again. */
  private singly = 0;

  constructor(private readonly c: Conversation) {}

  /** Shows those that lie ahead, or waits for their budget. @returns false where the next frame is to be taken by itself. */
  pass(reader: FrameReader): boolean {
    if (this.singly > 0) {
      this.singly -= 1;
      return false;
    }
    const ahead = reader.ahead();
    if (!ahead || ahead.chunk.length - ahead.at < FEWEST_BYTES) return false;
    const type = ahead.chunk[ahead.at]!;
    if (type !== Backend.DataRow && type !== Backend.CopyData) return false;
    const { c, rows } = this;
    const { head } = c.pending;
    const run = plainRun(head);
    if (!run || c.unheard) return false;
    const fields = run.grammar.fieldsOfMany(type, head?.kind === 'execute' ? run.watch.provenance.fields : undefined);
    if (fields === undefined || !rows.find(ahead.chunk, ahead.at, type, fields)) return false;
    if (head?.kind === 'execute' && head.maxRows > 0 && run.rows + rows.count > head.maxRows) return false;
    switch (this.admit(run)) {
      case 'wait':
        c.stall(run);
        return true;
      case 'singly':
        this.singly = Math.max(0, rows.count - 1);
        return false;
      case 'shown':
        c.toClient.add(rows.chunk.subarray(rows.starts[0]!, rows.starts[rows.count]));
        reader.skip(rows.length);
        return true;
    }
  }

  private admit(run: Execution): 'shown' | 'wait' | 'singly' {
    const { rows } = this;
    const { watch } = run;
    const disclosed = run.answer?.inMany(run, rows);
    const { count } = rows;
    if (count === 0) return 'singly';
    const bytes = rows.length - count * HEADER_BYTES;
    if (run.endsAt(count) || (watch.limits && overLimit(watch.limits, run.usage, count, bytes))) return 'singly';
    if (!isCountedAlike(this.c, run)) return 'singly';
    const taken = isTaken(this.c, run) ? this.take(run, count, bytes, disclosed) : 'taken';
    if (taken !== 'taken') return taken;
    // They need no record now: what is not recorded is not shown.
    if (disclosed) run.answer?.countMany(disclosed, count, rows.chunk.subarray(rows.starts[0]!, rows.starts[count]));
    run.countMany(count, bytes);
    return 'shown';
  }

  private take(run: Execution, rows: number, bytes: number, disclosed: readonly DisclosedByMany[] | undefined) {
    const { budget } = this.c.ports;
    const { person, policy } = run;
    if (run.charges?.isOld) return 'singly';
    this.c.asked = true;
    return budget.takeMany?.(policy, { rows, bytes, charges: run.charges, disclosed, user: person?.user }) ?? 'singly';
  }
}

/** The run whose rows come, if each row only has to be counted, with what it shows. */
function plainRun(head: PendingReply | undefined): Execution | undefined {
  const run = runOf(head);
  if (!run || run.cut || head?.forced) return undefined;
  const { verifies, provenance, check, rowless, account } = run.watch;
  if (check || rowless || account !== undefined || run.policy.canaries) return undefined;
  if (verifies && provenance.verdict !== 'verified') return undefined;
  const { kind } = run.statement;
  // In COPY the first message may be a line of names, and in binary the last one is not a row.
  if (kind.kind === 'copy-out' && (kind.format.kind === 'binary' || run.messages === 0)) return undefined;
  return run;
}

function runOf(head: PendingReply | undefined): Execution | undefined {
  switch (head?.kind) {
    case 'query':
      return head.part === 'client' && head.begun && !head.cut ? head.runs[head.at] : undefined;
    case 'execute':
      return head.conversion?.description ? undefined : head.run;
    default:
      return undefined;
  }
}
