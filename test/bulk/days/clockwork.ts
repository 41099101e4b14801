/** Runs a principal's days through its budget, as a session asks for them, with a clock that follows the statements. */

import pino from 'pino';
import type { BudgetContext } from '../../../src/budget/local/context.ts';
import { Locks } from '../../../src/budget/local/locks.ts';
import { Openings } from '../../../src/budget/local/openings.ts';
import { PrincipalBudget } from '../../../src/budget/local/principal-budget.ts';
import { SessionBudget } from '../../../src/budget/local/session-budget.ts';
import { memoryStore } from '../../../src/budget/store/memory.ts';
import type { StatementJudgement } from '../../../src/guard/decision.ts';
import { CalendarDays } from '../../../src/metering/days.ts';
import { ownerOf } from '../../../src/metering/owner.ts';
import type { Charges } from '../../../src/session/admission/budget-port.ts';
import { prepaymentsOf } from '../../../src/session/admission/prepayment.ts';
import type { SessionPolicy } from '../../../src/session/session-policy.ts';
import type { Asked } from './asked.ts';
import type { Work } from './rates.ts';
import type { Day } from './school.ts';

export const TIME_ZONE = 'Europe/Paris';
export const SUBJECT = 'student';

/** The highest use of a limit on one day. */
export interface LimitUsage {
  readonly limit: string;
  readonly measure: string;
  readonly effect: string;
  readonly amount: number;
  readonly used: number;
}

export interface DayReport {
  readonly day: Day;
  readonly stands: readonly LimitUsage[];
  /** Messages that an honest principal got, and never should get. */
  readonly refused: readonly string[];
  /** Seconds for which rows were held back. */
  readonly slowed: number;
  readonly warned: readonly string[];
  readonly locked: boolean;
}

const SECOND_MS = 1_000;
/** A statement that is held back for longer has failed. */
const LONGEST_WAIT_S = 300;

/** `work` on each of `days`, by a principal of this policy. */
export function live(policy: Pick<SessionPolicy, 'role' | 'principal'>, work: Work, days: readonly Day[]): DayReport[] {
  let now = days[0]!.midnight - 3_600_000;
  const warned: string[] = [];
  const store = memoryStore({ timeZone: TIME_ZONE, now: () => now });
  const log = pino({ level: 'silent' });
  const alarms = { raise: () => {} };
  const records = {
    append: (kind: string, fields: unknown) => {
      if (kind === 'warning') warned.push((fields as { message: string }).message);
      return true;
    },
    login: async () => true,
    session: () => ({ append: () => true, reachDisk: () => undefined, isOnDisk: () => true }),
  };
  const noPolicy = () => ({ principals: new Map() });
  const context: BudgetContext = {
    store,
    days: new CalendarDays(TIME_ZONE),
    timeZone: TIME_ZONE,
    records,
    alarms,
    locks: new Locks({ store, records, alarms, log, timeZone: TIME_ZONE, clock: () => now, changed: () => {} }),
    openings: new Openings({ store, records, alarms, log, policy: noPolicy, state: () => undefined, clock: () => now }),
    estimates: undefined as never, // no sample asks the planner
    log,
    clock: () => now,
    now: () => now,
    hashKey: () => new Uint8Array(32),
    state: () => undefined,
    approvers: () => undefined,
    failed: (error) => {
      throw error;
    },
  };
  const { name } = policy.principal;
  const principal = new PrincipalBudget(name, context);
  const asking: SessionPolicy = { ...policy, hash: '', judge: () => ({}) as never };
  const session = new SessionBudget(
    principal,
    context,
    () => asking,
    () => {},
  );
  return days.map((day) => {
    warned.length = 0;
    const highest = new Map<string, LimitUsage>();
    const refused: string[] = [];
    let slowed = 0;
    for (const asked of work(day)) {
      if (asked.at - now >= SECOND_MS) {
        now = asked.at;
        principal.sweep();
      }
      const outcome = answer(asked);
      if (outcome !== 'shown') refused.push(outcome);
      note(highest);
    }
    const locked = context.locks.of(ownerOf({ principal: name })) !== undefined;
    return { day, stands: [...highest.values()], refused, slowed, warned: [...warned], locked };

    function answer(asked: Asked): string {
      const { rowsPerStatement, bytesPerStatement } = principal.own.follow(asking);
      const bytes = asked.rows * asked.rowBytes;
      if (rowsPerStatement && asked.rows > rowsPerStatement.amount) return `${asked.rows} rows in one statement`;
      if (bytesPerStatement && bytes > bytesPerStatement.amount) return `${bytes} bytes in one statement`;
      const judged = judgementOf(asked);
      const prepaid = prepaymentsOf({ statement: judged, inner: undefined, text: '', bound: undefined }, asking);
      const admitted = session.admit(asking, judged, prepaid, () => {
        throw new Error('no sample asks the planner');
      });
      if (admitted.kind === 'wait') return 'waits for a store that answers at once';
      if (admitted.kind !== 'admitted') return fails(admitted.kind === 'over', admitted.refusal.message);
      const { charges } = admitted;
      for (let row = 0; row < asked.rows; row += 1) {
        const outcome = show(asked, row, charges);
        if (outcome !== 'shown') return outcome;
      }
      charges?.settle(() => (asked.told > 0 ? 'answered' : 'free'));
      return 'shown';
    }

    /** Row by row, as a session does. */
    function show({ rows, rowBytes, pupils, told }: Asked, row: number, charges: Charges | undefined): string {
      const pupil = pupils[Math.floor((row * pupils.length) / rows)];
      const keys = pupil === undefined ? [] : [String(pupil)];
      const disclosed = [{ subject: SUBJECT, keys, values: told / rows }];
      for (let second = 0; second < LONGEST_WAIT_S; second += 1) {
        const taken = session.take(asking, { rows: 1, bytes: rowBytes, disclosed, charges });
        if (taken.kind === 'taken') return 'shown';
        if (taken.kind !== 'wait') return fails(taken.kind === 'over', taken.refusal.message);
        slowed += 1;
        now += SECOND_MS;
      }
      return 'held back for too long';
    }

    function fails(over: boolean, message: string): string {
      if (over) session.event(asking, 'overrun');
      return message;
    }
  });

  function note(highest: Map<string, LimitUsage>): void {
    for (const limit of principal.own.follow(asking).windows) {
      const used = principal.own.meter(limit.measure)?.spentOf(limit) ?? 0;
      if (used < (highest.get(limit.name)?.used ?? 0)) continue;
      const { name: written, measure, effect, amount } = limit;
      highest.set(written, { limit: written, measure, effect, amount, used });
    }
  }
}

function judgementOf({ sql, told }: Asked): StatementJudgement {
  return {
    effect: 'rewrite',
    kind: { kind: 'read' },
    command: 'SELECT',
    fingerprint: '',
    normalized: sql,
    tables: [],
    columns: [],
    disclosures: [
      {
        subject: SUBJECT,
        access: { kind: 'question' },
        canFail: 'no',
        ...(told === 0 && { named: [{ columns: [0], added: [], type: 23 }] }),
        values: [],
        free: told === 0 ? 'known' : 'repeated',
      },
    ],
  };
}
