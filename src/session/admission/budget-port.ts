/** What a session asks of its principal's budgets. They hold over all sessions of the principal, so others give the answers. */
import type { LimitReached } from '../../core/alarm-sink.ts';
import type { Refusal } from '../../core/refusal.ts';
import type { StatementJudgement } from '../../guard/decision.ts';
import type { OutcomeEntry } from '../log-entries.ts';
import type { KeyList } from '../results/key-list.ts';
import type { LastAnswers } from '../results/last-answers.ts';
import type { SessionPolicy } from '../session-policy.ts';

/** Told to the client as a NoticeResponse of severity WARNING. */
export interface Warning {
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

/** Nothing was taken: the same is asked again once `Session.onBudget` was called. */
export interface Wait {
  readonly kind: 'wait';
}

export interface Over {
  readonly kind: 'over';
  readonly refusal: Refusal;
  readonly limit: LimitReached;
}

/** A refusal for another cause than a limit: the principal is locked out, or the budget cannot be read. It does not count as an overrun. */
export interface BudgetRefusal {
  readonly kind: 'refused';
  readonly refusal: Refusal;
  /** `lock` where the principal is locked out. */
  readonly effect?: 'lock';
}

export type BudgetTaken =
  | { readonly kind: 'taken'; readonly warnings?: readonly Warning[] }
  | Over
  | BudgetRefusal
  | Wait;

/** Out of what a statement is paid, where that is not its principal's windows: said by `admit`, and handed back at each `take` of the statement. */
export type PayingAccount = string;

export type BudgetAdmitted =
  | {
      readonly kind: 'admitted';
      /** Rows that may still be shown, as far as known; absent if they are not limited. */
      readonly rowsLeft?: number | undefined;
      readonly warnings?: readonly Warning[] | undefined;
      /** A permit pays: limits of one statement on rows and bytes do not hold for it. */
      readonly account?: PayingAccount | undefined;
      /** Absent if nothing was set aside. To be settled when the statement has ended. */
      readonly charges?: Charges | undefined;
    }
  /** `effect: lock` where this passes a limit that locks. */
  | (Over & { readonly effect?: 'lock' })
  | BudgetRefusal
  | Wait;

/** What one row, or one change, discloses of the data subjects of one kind. */
export interface Disclosed {
  readonly subject: string;
  /** The keys of the people that it names, as text: the same text for the same person in every format. */
  readonly keys: readonly string[];
  /** What else it discloses, in values of 8 bytes (`docs/limits.md`). */
  readonly values: number;
}

/** The same of many rows. */
export interface DisclosedByMany {
  readonly subject: string;
  readonly keys: KeyList;
  readonly values: number;
}

/** What is paid for a statement before it runs, for the data subjects of one kind. */
export interface Prepayment {
  readonly subject: string;
  /** It only concerns people whose keys it names: they count whether or not a row of theirs comes, and its rows cost nothing. */
  readonly pinned: boolean;
  /** Theirs. */
  readonly keys: readonly string[];
  /** A place that its answer may use, or that is `kept` for an error after the last row; `two`: another for what an error leaves behind. */
  readonly setsAside: 'nothing' | 'one' | 'kept' | 'two';
  /** Why it must not run: its keys cannot be read. */
  readonly refusal?: Refusal;
}

/** `free`: its answer could be told beforehand. `failed`: by an error of the server's, which tells something by itself. */
export type Settlement = 'answered' | 'free' | 'failed';

/** What was paid before a statement runs, and set aside for it. */
export interface Charges {
  /** So much later than it was paid that the windows may count what is told now as told before. */
  readonly isOld: boolean;
  /** What was paid before is paid again, for what is told now. */
  renew(tells: 'row' | 'end'): void;
  /** Nothing that the subject's windows count as of now has paid for what is told. */
  isPast(subject: string, tells: 'row' | 'end'): boolean;
  /**
   * The statement has ended; called once. @param how by subject; for a permit, which pays for all of them, ''. @returns the subjects for which the
   * amount set aside stays taken, besides what the statement disclosed; undefined where none was set aside.
   */
  settle(how: (subject: string) => Settlement): readonly string[] | undefined;
}

/** Many rows together, for which no permit pays. */
export interface DemandOfMany {
  readonly rows: number;
  readonly bytes: number;
  /** Reused for the next rows: callers must not keep it. */
  readonly disclosed?: readonly DisclosedByMany[] | undefined;
  readonly user?: string | undefined;
  readonly charges?: Charges | undefined;
}

export interface Demand {
  readonly rows?: number | undefined;
  readonly bytes?: number | undefined;
  readonly changed?: number | undefined;
  readonly disclosed?: readonly Disclosed[] | undefined;
  /** As `admit` said. */
  readonly charges?: Charges | undefined;
  readonly account?: PayingAccount | undefined;
  /** The end user for whom the statement runs: charged besides the principal if the role limits each end user. */
  readonly user?: string | undefined;
}

/** One statement that is on its way to the server, as an EXPLAIN takes it. */
export interface Sent {
  /**
   * The text of this statement alone, with the guard's slots filled by literals: attributes by their values, the row limit by the largest bigint, so
   * that it does not reduce the estimate. The client's own parameters stay as in its text.
   */
  readonly text: string;
  /** Of the client's own parameters: OIDs; 0 where the server decides. */
  readonly parameterTypes: readonly number[];
  /** As text; absent if they are not known, or came in binary. */
  readonly values?: readonly (string | null)[];
  /** The same as the client's own Bind sent them, in whatever formats: taken before `values`. */
  readonly bound?: { readonly formats: readonly number[]; readonly valueCount: number; readonly values: Uint8Array };
  /** Of EXECUTE: the PREPARE that it runs, as it was sent, with its slots filled in the same way. */
  readonly prepare?: string;
  /** DateStyle, IntervalStyle and TimeZone as the server last reported them: they say what a literal means. */
  readonly settings?: ReadonlyMap<string, string>;
}

/** A canary in a row: a made-up person whose data no one has a reason to read. */
export interface Sighting {
  /** `hmac:…`, as the policies have it. */
  readonly canary: string;
  readonly subject: string;
  /** The id of the decision on the statement. */
  readonly decision: string;
  /** The end user. */
  readonly user?: string;
}

/** What a statement has disclosed of data subjects, and who has paid for it. */
export interface DisclosedByStatement {
  readonly subjects: NonNullable<OutcomeEntry['subjects']>;
  readonly user: string | undefined;
  readonly account: PayingAccount | undefined;
}

export interface Budget {
  /**
   * Asked before a statement is recorded: locks, statements in a time, what is left, and how much the planner expects. If it is admitted, takes the
   * statement itself, and what is to be paid before it runs. `sent` is called only if the plan is needed. `user`: the end user. `counted`: the
   * statement itself was taken before, for its Bind.
   */
  admit(
    policy: SessionPolicy,
    statement: StatementJudgement,
    prepayments: readonly Prepayment[],
    sent: () => Sent,
    user?: string,
    counted?: boolean,
  ): BudgetAdmitted;
  /** The last answers of this principal: an answer that is the same again discloses nothing new. Absent: nothing is free. */
  answers?(): LastAnswers;
  /**
   * Asked when values are bound, which is before `admit`, and takes nothing: may a permit pay for the statement? Then its LIMIT is not that of
   * `rows_per_statement`. Absent: there are no permits.
   */
  mayPay?(policy: SessionPolicy, statement: StatementJudgement): boolean;
  /** Asked before a row is forwarded, or before a change may be kept. Takes the whole amount from every window, or nothing. */
  take(policy: SessionPolicy, demand: Demand): BudgetTaken;
  /**
   * The same for many rows at once. `singly`: something is to be said of one of them, nothing was taken, and each is to be asked for by `take`.
   * `taken` only where `take` would say so of each of them, one after the other, and no more. Absent: never for many.
   */
  takeMany?(policy: SessionPolicy, demand: DemandOfMany): 'taken' | 'wait' | 'singly';
  /**
   * An event that counts towards a lock: a limit was exceeded, or a statement was refused by policy. `limit`: the window limit that was exceeded,
   * from the answer. All end users of an account share its limit, so exceeding it does not count for any of them.
   */
  event(policy: SessionPolicy, event: 'overrun' | 'refusal', user?: string, limit?: LimitReached): void;
  /** A statement has ended, and disclosed this of data subjects: for those who ask what was taken. Absent: not needed. */
  told?(policy: SessionPolicy, told: DisclosedByStatement): void;
  /**
   * A row that would be shown contains a canary. Called once for each canary and run. @returns why the row is not shown; undefined if it is shown
   * anyway.
   */
  canary(policy: SessionPolicy, sighting: Sighting): BudgetRefusal | undefined;
  /** The session is idle: amounts taken in advance for it may be given back. */
  rest(): void;
}
