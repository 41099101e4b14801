/**
 * Records, at the end of each hour in which data subjects were shown, how many a principal's windows hold. Other records cannot tell: a subject that
 * is shown twice is in two of them, and in a window once.
 */
import type { LimitInForce } from '../../policy/model/limits-in-force.ts';
import type { BudgetContext } from './context.ts';
import { reached } from './messages.ts';
import type { Meter } from './meter.ts';

export interface NotedUsage {
  readonly principal: string;
  readonly role: string;
  readonly windows: readonly LimitInForce[];
  meter(limit: LimitInForce): Meter | undefined;
}

const HOUR_MS = 3_600_000;

export class UsageNotes {
  private hour: number;
  /** In the process's time. */
  private notedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly context: BudgetContext) {
    this.hour = hourOf(context.clock());
  }

  /** `ends`: this is the last call. */
  look({ principal, role, windows, meter }: NotedUsage, ends: boolean): void {
    const hour = hourOf(this.context.clock());
    if (hour === this.hour && !ends) return;
    this.hour = hour;
    const limits = windows.flatMap((limit) => {
      const counted = /^(subjects|answers)\./.test(limit.measure) ? meter(limit) : undefined;
      return counted && counted.lease.lastUse > this.notedAt ? [reached(limit, counted.spentOf(limit))] : [];
    });
    this.notedAt = this.context.now();
    if (limits.length > 0) this.context.records.append('usage', { principal, role, limits });
  }
}

function hourOf(instant: number): number {
  return Math.floor(instant / HOUR_MS);
}
