/** A budget for tests: it answers at once or only when it is asked again, grants what it has, and remembers what it was asked. */
import type { LimitReached } from '../../src/core/alarm-sink.ts';
import { refusal } from '../../src/core/refusal.ts';
import type { StatementJudgement } from '../../src/guard/decision.ts';
import type {
  Budget,
  BudgetAdmitted,
  BudgetRefusal,
  BudgetTaken,
  Charges,
  Demand,
  DemandOfMany,
  Disclosed,
  Prepayment,
  Sent,
  Sighting,
  Warning,
} from '../../src/session/admission/budget-port.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import type { KeyList } from '../../src/session/results/key-list.ts';
import { LastAnswers } from '../../src/session/results/last-answers.ts';

export interface BudgetOptions {
  /** Every first question is answered by `wait`, and the session woken a moment later; `for ever`: by the test itself. */
  readonly late?: boolean | 'for ever';
  /** Granted before it is over. */
  readonly rows?: number;
  readonly bytes?: number;
  readonly changed?: number;
  readonly statements?: number;
  /** Distinct, of any subject, and values; what was set aside takes a place as well. */
  readonly people?: number;
  readonly warnings?: readonly Warning[];
  readonly locked?: boolean;
  /** Told to sessions, where it is not what is left. */
  readonly rowsLeft?: number;
  readonly account?: string;
  /** The window of what was set aside has ended. */
  readonly lapsed?: boolean;
}

export class LateBudget implements Budget {
  readonly asked: { statement: StatementJudgement; sent: Sent | undefined }[] = [];
  readonly prepaid: Prepayment[] = [];
  /** `student answered` */
  readonly settled: string[] = [];
  readonly events: string[] = [];
  private readonly lastAnswers = new LastAnswers();
  readonly sightings: Sighting[] = [];
  readonly taken = { rows: 0, bytes: 0, changed: 0, statements: 0, values: 0 };
  readonly keys = new Set<string>();
  accounts = new Set<string | undefined>();
  rests = 0;
  waits = 0;
  /** How often many rows were charged at once. */
  many = 0;
  private readonly open = { admit: false, take: false };

  constructor(
    readonly wake: () => void,
    public options: BudgetOptions = {},
    /** Calls for the statement as it is sent. */
    private readonly plans = false,
  ) {}

  private late(what: 'admit' | 'take'): boolean {
    const { late } = this.options;
    if (!late) return false;
    if (late !== 'for ever') this.open[what] = !this.open[what];
    if (late !== 'for ever' && !this.open[what]) return false;
    this.waits += 1;
    if (late !== 'for ever') setImmediate(this.wake);
    return true;
  }

  admit(
    _policy: SessionPolicy,
    statement: StatementJudgement,
    prepayments: readonly Prepayment[],
    sent: () => Sent,
  ): BudgetAdmitted {
    if (this.late('admit')) return { kind: 'wait' };
    const { options, taken } = this;
    if (options.locked) return { kind: 'refused', refusal: refusal('locked', '28000', 'locked out'), effect: 'lock' };
    this.asked.push({ statement, sent: this.plans ? sent() : undefined });
    if (taken.statements >= (options.statements ?? Infinity)) return over('statements', taken.statements);
    taken.statements += 1;
    this.prepaid.push(...prepayments);
    const left = options.rowsLeft ?? (options.rows === undefined ? undefined : options.rows - taken.rows);
    return {
      kind: 'admitted',
      ...(left !== undefined && { rowsLeft: left }),
      ...(options.warnings && { warnings: options.warnings }),
      ...(options.account !== undefined && { account: options.account }),
      ...(prepayments.some(({ setsAside }) => setsAside !== 'nothing') && { charges: this.chargesOf(prepayments) }),
    };
  }

  /** Says what becomes of what was set aside, and takes nothing. */
  private chargesOf(prepayments: readonly Prepayment[]): Charges {
    let renewed = false;
    const isPast = (): boolean => this.options.lapsed === true && !renewed;
    return {
      get isOld() {
        return isPast();
      },
      renew: () => {
        renewed = true;
      },
      isPast,
      settle: (how) => {
        const settled = prepayments.filter(({ setsAside }) => setsAside !== 'nothing');
        for (const { subject } of settled) this.settled.push(`${subject} ${how(subject)}`);
        return [];
      },
    };
  }

  answers(): LastAnswers {
    return this.lastAnswers;
  }

  take(_policy: SessionPolicy, { rows = 0, bytes = 0, changed = 0, disclosed = [], account }: Demand): BudgetTaken {
    if (this.late('take')) return { kind: 'wait' };
    const { options, taken } = this;
    if (taken.rows + rows > (options.rows ?? Infinity)) return over('rows', taken.rows);
    if (taken.bytes + bytes > (options.bytes ?? Infinity)) return over('bytes', taken.bytes);
    if (taken.changed + changed > (options.changed ?? Infinity)) return over('changed', taken.changed);
    const fresh = new Set([
      ...this.keys,
      ...disclosed.flatMap(({ keys, subject }) => keys.map((key) => subject + key)),
    ]);
    const values = taken.values + disclosed.reduce((sum, one: Disclosed) => sum + one.values, 0);
    if (fresh.size + values > (options.people ?? Infinity)) return over('people', this.keys.size + taken.values);
    for (const key of fresh) this.keys.add(key);
    taken.values = values;
    taken.rows += rows;
    taken.bytes += bytes;
    taken.changed += changed;
    this.accounts.add(account);
    return { kind: 'taken' };
  }

  /** As `take`, for all together. */
  takeMany(policy: SessionPolicy, { disclosed, ...demand }: DemandOfMany): 'taken' | 'wait' | 'singly' {
    const texts = (keys: KeyList): string[] => {
      const list: string[] = [];
      keys.forEach((_start, _end, text) => void list.push(text()));
      return list;
    };
    const texted = disclosed?.map(({ subject, keys, values }) => ({ subject, keys: texts(keys), values }));
    const { kind } = this.take(policy, { ...demand, ...(texted && { disclosed: texted }) });
    if (kind === 'taken') this.many += 1;
    return kind === 'taken' || kind === 'wait' ? kind : 'singly';
  }

  event(_policy: SessionPolicy, event: 'overrun' | 'refusal'): void {
    this.events.push(event);
  }

  canary(policy: SessionPolicy, sighting: Sighting): BudgetRefusal | undefined {
    this.sightings.push(sighting);
    const guarded = policy.role.access === 'restricted' && policy.role.mode === 'enforce';
    return guarded ? { kind: 'refused', refusal: refusal('locked', '28000', 'locked out') } : undefined;
  }

  rest(): void {
    this.rests += 1;
  }
}

function over(what: string, used: number): { kind: 'over'; refusal: ReturnType<typeof refusal>; limit: LimitReached } {
  const limit = { name: `${what} ${used} per hour`, used, of: used };
  return { kind: 'over', refusal: refusal('limit-window', '53400', `has taken ${used} ${what} per hour`), limit };
}

/** As a policy has it; how much is the budget's matter. */
export const perHour = [{ amount: 1_000_000, window: { count: 1, unit: 'hour' } }] as const;
