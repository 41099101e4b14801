/** Statements, rows and refusals by role, in steps over the last hour. */
import type { LogRecord } from '../decision-log/fields.ts';
import type { Now } from './api/now.ts';
import type { Decision } from './decision.ts';

const STEP_MS = 30_000;
const STEPS = 120;
/** The policy knows them all; of a log that knows more the rest is one. */
const MOST_ROLES = 100;

interface Sums {
  statements: number;
  rows: number;
  refused: number;
}

export class Rates {
  private readonly steps = new Map<number, Map<string, Sums>>();
  private first = Number.POSITIVE_INFINITY;

  decided({ time, role, effect }: Decision): void {
    const sums = this.sums(time, role);
    if (!sums) return;
    sums.statements += 1;
    if (effect === 'refuse' || effect === 'lock') sums.refused += 1;
  }

  ended(time: string, role: string | undefined, { rows, status }: LogRecord): void {
    const sums = this.sums(time, role);
    if (!sums) return;
    if (typeof rows === 'number') sums.rows += rows;
    if (status === 'cut') sums.refused += 1;
  }

  shown(now: number): Now['rates'] {
    const last = Math.floor(now / STEP_MS);
    const from = last - STEPS + 1;
    for (const step of this.steps.keys()) if (step < from) this.steps.delete(step);
    const iso = (at: number): string => new Date(at).toISOString();
    return {
      step: STEP_MS / 1000,
      from: iso(from * STEP_MS),
      since: iso(Math.max(from * STEP_MS, Math.min(this.first, now))),
      steps: Array.from({ length: STEPS }, (_, i) =>
        [...(this.steps.get(from + i) ?? [])].map(([role, sums]) => ({ role, ...sums })),
      ),
    };
  }

  /** Undefined: of another hour. */
  private sums(time: string, role = ''): Sums | undefined {
    const at = Date.parse(time);
    const now = Date.now();
    if (!(at > now - STEPS * STEP_MS && at < now + STEP_MS)) return undefined;
    this.first = Math.min(this.first, at);
    const step = Math.floor(at / STEP_MS);
    const roles = this.steps.get(step) ?? new Map<string, Sums>();
    this.steps.set(step, roles);
    const name = roles.has(role) || roles.size < MOST_ROLES ? role : '';
    const sums = roles.get(name) ?? { statements: 0, rows: 0, refused: 0 };
    roles.set(name, sums);
    return sums;
  }
}
