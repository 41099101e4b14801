/** What the budgets of all principals in this process share. */
import type { Logger } from 'pino';
import type { AlarmSink } from '../../core/alarm-sink.ts';
import type { RecordSink } from '../../decision-log/record-sink.ts';
import type { Estimates } from '../../estimates/estimates.ts';
import type { Approvers } from '../../metering/approvals.ts';
import type { BudgetStore } from '../../metering/budget-store.ts';
import type { CalendarDays } from '../../metering/days.ts';
import type { Locks } from './locks.ts';
import type { Openings } from './openings.ts';

export interface BudgetContext {
  readonly store: BudgetStore;
  readonly days: CalendarDays;
  readonly timeZone: string;
  readonly records: RecordSink;
  readonly alarms: AlarmSink;
  readonly locks: Locks;
  readonly openings: Openings;
  readonly estimates: Estimates;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  clock(): number;
  /** Monotonic milliseconds. */
  now(): number;
  /** The key for hashes of data subjects; undefined until the store has sent it. */
  hashKey(): Uint8Array | undefined;
  /** The store's name, see `stateName`; undefined until it is known. */
  state(): string | undefined;
  /** The approvers in the policy in force. */
  approvers(): Approvers | undefined;
  /** Called when the store could not be reached. */
  failed(error: unknown): void;
}
