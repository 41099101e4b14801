/** What the budgets of all principals in this process have in common. */
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
  /** Of the hashes of people's keys; undefined until the store has said it. */
  hashKey(): Uint8Array | undefined;
  /** Of the store, `stateName`; undefined until it has said it. */
  state(): string | undefined;
  /** Of the policy in force. */
  approvers(): Approvers | undefined;
  /** The store could not be asked. */
  failed(error: unknown): void;
}
