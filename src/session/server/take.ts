/** What a running statement takes from the budget. */
import type { Refusal } from '../../core/refusal.ts';
import type { Demand, PayingAccount } from '../admission/budget-port.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';

/** One object for all rows that are only counted: callers must not keep it. */
const ROW: { rows: number; bytes: number } = { rows: 0, bytes: 0 };

export function plain(rows: number, bytes: number): Demand {
  ROW.rows = rows;
  ROW.bytes = bytes;
  return ROW;
}

/** Takes from the budget. @returns whether all of it was granted; where not, the run is cut, or the server's side is stalled. */
export function take(c: Conversation, run: Execution, demand: Demand): boolean {
  const answer = ask(c, run, demand);
  if (answer === 'wait') c.stall(run);
  return answer === 'taken';
}

/** @returns why not all of it was granted: the run is cut. */
export function ask(c: Conversation, run: Execution, demand: Demand): 'taken' | 'wait' | Refusal {
  const { account } = run.watch;
  c.asked = true;
  const answer = c.ports.budget.take(run.policy, paidBy(run, demand, account));
  switch (answer.kind) {
    case 'taken':
      c.tell(answer.warnings);
      return 'taken';
    case 'wait':
      return 'wait';
    case 'over':
      run.reached = answer.limit;
      break;
    case 'refused':
  }
  run.cut = answer.refusal;
  run.cutByBudget = true;
  return answer.refusal;
}

/** The demand itself where nothing is to be said of who pays: the principal's windows do. */
function paidBy({ charges, person }: Execution, demand: Demand, account: PayingAccount | undefined): Demand {
  const user = person?.user;
  if (account === undefined && user === undefined && charges === undefined) return demand;
  const { rows, bytes, changed, disclosed } = demand;
  // Each member by its name: with a spread V8 makes a new hidden class for each such object, and keeps it.
  return { rows, bytes, changed, disclosed, charges, account, user };
}
