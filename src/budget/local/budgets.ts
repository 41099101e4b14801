/**
 * The budgets of all principals in this process, over one store. Ends the sessions of a principal that is locked or closed, wherever that was
 * decided.
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { AlarmSink } from '../../core/alarm-sink.ts';
import type { LoginRefusal } from '../../core/login-refusal.ts';
import type { RecordSink } from '../../decision-log/record-sink.ts';
import type { Estimates } from '../../estimates/estimates.ts';
import { type Proof, userOf } from '../../identity/proof.ts';
import { stateName } from '../../metering/approvals.ts';
import { type AccountLock, type BudgetStore, type LeaseClaim, StoreUnavailable } from '../../metering/budget-store.ts';
import { CalendarDays } from '../../metering/days.ts';
import { elapsedTime } from '../../metering/elapsed.ts';
import { type Holder, ownerOf } from '../../metering/owner.ts';
import type { SessionPolicy } from '../../session/ports.ts';
import type { BudgetContext } from './context.ts';
import { Locks } from './locks.ts';
import { lockedLogin, lockedSession } from './messages.ts';
import { Openings, type PolicyOfOpenings } from './openings.ts';
import { PrincipalBudget } from './principal-budget.ts';
import { SessionBudget } from './session-budget.ts';

export interface BudgetsOptions {
  readonly store: BudgetStore;
  readonly timeZone: string;
  readonly records: RecordSink;
  readonly alarms: AlarmSink;
  readonly log: Logger;
  /** The sessions of this process: those of a locked or closed principal are ended. */
  readonly sessions: { live(): Iterable<EndableSession> };
  readonly estimates: Estimates;
  /** The policy in force. */
  policy(): PolicyOfOpenings;
}

export interface EndableSession {
  readonly principal: string;
  readonly proof: Proof;
  terminate(refusal: LoginRefusal): void;
}

const SWEEP_MS = 100;
/** A principal without sessions is forgotten after this time. */
const FORGET_MS = 600_000;
/** How soon the store is asked for its hash key again. */
const RETRY_MS = 1_000;
const LONGER_THAN_WINDOWS_MS = 1e12;
/** A charge to no real owner, which tests writing: a store that can only be read is not back. */
const PROBE: LeaseClaim = {
  owner: 'principal:',
  measure: 'rows',
  ceilings: [{ window: { count: 1, unit: 'second' } }],
  want: 1,
};

export class Budgets {
  private readonly byPrincipal = new Map<string, PrincipalBudget>();
  private readonly locks: Locks;
  private readonly openings: Openings;
  private readonly context: BudgetContext;
  private readonly sweeping: NodeJS.Timeout;
  private hashKey: Uint8Array | undefined;
  private state: string | undefined;
  private lost = false;
  private stopped = false;

  constructor(private readonly options: BudgetsOptions) {
    const { store, timeZone, records, alarms, log } = options;
    const clock = (): number => store.now();
    this.locks = new Locks({ store, records, alarms, log, clock, timeZone, changed: () => this.enforceSoon() });
    const state = (): string | undefined => this.state;
    // The clock of a store elsewhere is known by this process's own time.
    const elapsed = elapsedTime(
      elapsedTime(() => performance.now(), Date.now),
      clock,
    );
    // INVARIANT 253: what a store granted or counted that may have lost it, as a replica that takes over, is over like that of windows that have ended.
    let over = 0;
    store.onLost?.(() => {
      over += LONGER_THAN_WINDOWS_MS;
    });
    this.openings = new Openings({ store, records, alarms, log, policy: options.policy, state, clock });
    this.context = {
      store,
      timeZone,
      records,
      alarms,
      log,
      clock,
      days: new CalendarDays(timeZone),
      locks: this.locks,
      estimates: options.estimates,
      now: () => elapsed() + over,
      hashKey: () => this.hashKey,
      state,
      openings: this.openings,
      approvers: () => options.policy().approvers,
      failed: (error) => this.failed(error),
    };
    store.onExceptions(() => this.enforceSoon());
    this.sweeping = setInterval(() => this.sweep(), SWEEP_MS);
    this.sweeping.unref();
    void this.askHashKey();
  }

  /** For a new session. `wake`: called when a budget that it waited for may be asked again. Call `close` when the session ends. */
  session(name: string, policyNow: () => SessionPolicy | undefined, wake: () => void): SessionBudget {
    let principal = this.byPrincipal.get(name);
    if (!principal) {
      principal = new PrincipalBudget(name, this.context);
      this.byPrincipal.set(name, principal);
    }
    return new SessionBudget(principal, this.context, policyNow, wake);
  }

  /** Why the principal may not log in or go on, or the end user who logs in with a token. */
  loginRefusal(name: string, user?: string): LoginRefusal | undefined {
    const locked = this.lockOf(name, user);
    return locked ? lockedLogin(locked.holder, locked.lock, this.context.timeZone) : this.openings.loginRefusal(name);
  }

  /** A session of the principal has begun. */
  loggedIn(name: string, client: string): void {
    this.openings.loggedIn(name, client);
  }

  /** Gives back all leases and stops using the store. The caller closes the store. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    clearInterval(this.sweeping);
    for (const principal of this.byPrincipal.values()) principal.sweep(true);
  }

  private sweep(): void {
    const now = this.context.now();
    for (const [name, principal] of this.byPrincipal) {
      principal.sweep();
      if (principal.sessions > 0 || now - principal.lastUse < FORGET_MS) continue;
      principal.sweep(true);
      this.byPrincipal.delete(name);
    }
    this.locks.retry();
    this.openings.sweep();
    // A break-glass opening ends with its time, or when the policy removes its signers.
    const isOver = ([name, { sessions }]: [string, PrincipalBudget]) => sessions > 0 && this.openings.sessionEnd(name);
    if ([...this.byPrincipal].some(isOver)) this.enforce();
  }

  /** Deferred: a lock may be set in the middle of a session's work. */
  private enforceSoon(): void {
    setImmediate(() => this.enforce());
  }

  private enforce(): void {
    // A new raise or permit may be what a session waits for.
    for (const principal of this.byPrincipal.values()) principal.wake();
    for (const session of this.options.sessions.live()) {
      const locked = this.lockOf(session.principal, userOf(session.proof));
      const end = locked
        ? lockedSession(locked.holder, locked.lock, this.context.timeZone)
        : this.openings.sessionEnd(session.principal);
      if (end) session.terminate(end);
    }
  }

  /** `user`: the end user to whom the whole session belongs. A session that serves several goes on when one is locked. */
  private lockOf(principal: string, user: string | undefined): { holder: Holder; lock: AccountLock } | undefined {
    if (!this.locks.any) return undefined;
    const holders = [{ principal }, ...(user === undefined ? [] : [{ principal, user }])];
    for (const holder of holders) {
      const lock = this.locks.of(ownerOf(holder));
      if (lock) return { holder, lock };
    }
    return undefined;
  }

  private failed(error: unknown): void {
    const { log, alarms } = this.options;
    if (this.lost) return;
    this.lost = true;
    if (error instanceof StoreUnavailable) log.error({ err: error }, 'the store of the budgets cannot be reached');
    else log.error({ err: error }, 'internal error in the budgets');
    alarms.raise({
      kind: 'store-lost',
      text: 'the store of the budgets cannot be reached; statements over time limits are refused',
    });
    void this.watchForReturn();
  }

  /** Waits until the store answers again, and reports it. */
  private async watchForReturn(): Promise<void> {
    while (!this.stopped) {
      await pause(RETRY_MS);
      try {
        await this.options.store.take([PROBE]);
      } catch {
        continue;
      }
      this.lost = false;
      this.options.log.info('the store of the budgets is back');
      this.options.alarms.raise({ kind: 'store-back', text: 'the store of the budgets is back' });
      return;
    }
  }

  private async askHashKey(): Promise<void> {
    while (!this.stopped) {
      try {
        this.hashKey = await this.options.store.hashKey();
        this.state = stateName(this.hashKey);
        for (const principal of this.byPrincipal.values()) principal.wake();
        return;
      } catch (error) {
        this.failed(error);
        await pause(RETRY_MS);
      }
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms).unref());
}
