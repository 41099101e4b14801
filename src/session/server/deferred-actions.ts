/** Sends what the guard itself owes the server after a statement was cut off, or around one. */
import { query } from '../../protocol/query.ts';
import { sendStep } from '../client/query-steps.ts';
import { failTransaction, queryPending, refuseExtended } from '../client/refuse.ts';
import { sendAnew } from '../reuse/anew.ts';
import type { Conversation } from '../state/conversation.ts';

/** Does nothing while a cancel is on its way, which could hit what is sent, nor while a frame of the client's is. */
export function runDeferredAction(c: Conversation): void {
  if (c.cancelling || c.passing || c.closed || c.pins.pay()) return;
  const { debt } = c;
  if (!debt) return;
  c.debt = undefined;
  switch (debt.kind) {
    case 'fail-statement': {
      const { run, conversion } = debt;
      const forced = { id: c.ports.newId(), known: 'by id', refusal: run.cut, decision: run.id, runs: [run] } as const;
      refuseExtended(c, forced, { conversion });
      break;
    }
    case 'fail-transaction':
      failTransaction(c);
      break;
    case 'end-wrapped': {
      const pending = queryPending(c, 'end', { ends: debt.query, commits: debt.commit });
      c.send(query(debt.commit ? 'COMMIT' : 'ROLLBACK'), pending);
      c.block(pending);
      break;
    }
    case 'sync':
      c.block(c.sync(undefined, debt.conversion));
      break;
    case 'anew':
      sendAnew(c, debt.anew);
      break;
    case 'step':
      sendStep(c, debt.step);
  }
}
