/** What the guards do now: asked only while a page is open, and at most as often as needed. */
import { performance } from 'node:perf_hooks';
import type { ShownLimits } from '../operations/control/commands/limits.ts';
import type { ShownTop } from '../operations/control/commands/top.ts';
import type { Now } from './api/now.ts';
import { askOf, type ShownGuard } from './guards.ts';
import type { LogTail } from './log-tail.ts';
import { partOf } from './problem.ts';

/** What changes with each statement, and what people change. */
const SESSIONS_MS = 1_500;
const STANDING_MS = 6_000;
const LIMITS_MS = 10_000;
/** Principals whose limits are asked for: those with the most recent activity. */
const MOST_PRINCIPALS = 40;
const MOST_NEAREST = 200;

type GuardNow = Now['guards'][number]['now'];
type Nearest = Now['nearest'][number];

export class WhatIsNow {
  private readonly sessions: Remembered<GuardNow[]>;
  private readonly standing: Remembered<Standing[]>;
  private readonly limits: Remembered<Nearest[]>;

  constructor(
    private readonly guards: readonly ShownGuard[],
    private readonly tail: LogTail,
  ) {
    this.standing = new Remembered(STANDING_MS, () => Promise.all(guards.map(standingOf)));
    this.sessions = new Remembered(SESSIONS_MS, async () => {
      const standing = await this.standing.get();
      return Promise.all(guards.map((guard, at) => nowOf(guard, standing[at]!)));
    });
    this.limits = new Remembered(LIMITS_MS, () => this.nearest());
  }

  async shown(): Promise<Now> {
    const [sessions, nearest] = [await this.sessions.get(), await this.limits.get()];
    return {
      time: new Date().toISOString(),
      guards: this.guards.map(({ name }, at) => {
        const { problem, last } = this.tail.stateOf(name);
        const log = problem ? { ok: false as const, problem } : { ok: true as const, value: { ...(last && { last }) } };
        return { name, now: sessions[at]!, log };
      }),
      nearest,
      rates: this.tail.rates.shown(Date.now()),
    };
  }

  /** After an action, values are asked for again. */
  forget(): void {
    this.standing.forget();
    this.sessions.forget();
    this.limits.forget();
  }

  private async nearest(): Promise<Nearest[]> {
    const found: Nearest[] = [];
    for (const guard of this.guards) {
      for (const principal of this.lately(guard.name)) {
        const limits = await partOf(() => askOf<ShownLimits>(guard, 'limits.show', { principal }));
        if (!limits.ok && limits.problem.code === 'guard-gone') break;
        for (const { name, used, of } of limits.ok ? limits.value.limits : []) {
          if (/^(subjects|answers)\./.test(name)) found.push({ guard: guard.name, principal, name, used, of });
        }
      }
    }
    return found.sort((a, b) => b.used / b.of - a.used / a.of).slice(0, MOST_NEAREST);
  }

  /** Workers write logs in names of their own: `g1/2`. */
  private lately(guard: string): readonly string[] {
    const ofThis = this.guards.length === 1;
    const names = new Set<string>();
    for (const decision of [...this.tail.decisions].reverse()) {
      if (ofThis || decision.guard === guard || decision.guard.startsWith(`${guard}/`)) names.add(decision.principal);
      if (names.size >= MOST_PRINCIPALS) break;
    }
    return [...names];
  }
}

type Standing = Pick<
  Extract<GuardNow, { ok: true }>['value'],
  'locks' | 'raises' | 'permits' | 'openings' | 'observations'
>;

async function nowOf(guard: ShownGuard, standing: Standing): Promise<GuardNow> {
  return partOf(async () => {
    const { sessions, silent } = await askOf<ShownTop & { readonly silent: number }>(guard, 'top', {});
    return { sessions: sessions.map((session) => ({ guard: guard.name, ...session })), silent, ...standing };
  });
}

const NOTHING: Standing = { locks: [], raises: [], permits: [], openings: [], observations: [] };

/** If the guard does not answer, the problem replaces its sessions. */
async function standingOf(guard: ShownGuard): Promise<Standing> {
  const standing = await partOf(async () => ({
    ...(await askOf<Pick<Standing, 'locks'>>(guard, 'locks.list', {})),
    ...(await askOf<Pick<Standing, 'raises'>>(guard, 'limits.raises', {})),
    ...(await askOf<Pick<Standing, 'permits'>>(guard, 'permit.list', {})),
    ...(await askOf<Pick<Standing, 'openings'>>(guard, 'break-glass.list', {})),
    ...(await askOf<Pick<Standing, 'observations'>>(guard, 'observe.list', {})),
  }));
  return standing.ok ? standing.value : NOTHING;
}

/** An answer that many ask for at once, and again and again. */
export class Remembered<T> {
  private answer: { readonly at: number; readonly value: Promise<T> } | undefined;

  constructor(
    private readonly lifeMs: number,
    private readonly work: () => Promise<T>,
  ) {}

  get(): Promise<T> {
    if (this.answer && performance.now() - this.answer.at < this.lifeMs) return this.answer.value;
    const value = this.work();
    this.answer = { at: performance.now(), value };
    // A failure is reported once, and not remembered.
    value.catch(() => this.forget());
    return value;
  }

  forget(): void {
    this.answer = undefined;
  }
}
