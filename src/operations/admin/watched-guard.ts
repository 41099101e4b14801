/** Observes a guard: its counters, and its readiness once it runs. */
import { endingPrincipals } from '../../policy/model/last-days.ts';
import type { GuardRuntime } from '../../server/guard-runtime.ts';
import type { Sessions } from '../../server/sessions.ts';
import { metricsOfThisProcess } from './exposition.ts';
import type { ForwardLag, MetricFamily } from './metrics.ts';
import type { Readiness } from './server.ts';
import { ProcessTally } from './tally.ts';
import { type GuardWatch, watchInto } from './watching.ts';

/** The report of one process; the primary aggregates those of its workers. */
export interface GuardReport {
  readiness(): Readiness;
  metrics(): Promise<MetricFamily[]>;
}

/** The parts of the running proxy that are observed. */
export interface WatchedProxy {
  readonly sessions: Sessions;
  readonly runtime: GuardRuntime;
  readonly draining: boolean;
  readonly certificateValidUntil: Date | undefined;
  readonly revocationListsValidUntil: Date | undefined;
  readonly clockOffsetMs: number;
}

export class WatchedGuard implements GuardReport {
  /** Wraps the guard's parts while the guard is put together. */
  readonly watch: GuardWatch;
  private readonly tally: ProcessTally;
  private readonly checks: Check[] = [];
  private proxy: WatchedProxy | undefined;
  private forwarded: () => readonly ForwardLag[] = () => [];

  constructor(
    private readonly version: string,
    clock: () => number = Date.now,
  ) {
    this.tally = new ProcessTally(clock);
    this.watch = watchInto(this.tally);
  }

  /** Policies are in force and the listener accepts connections. `checks`: further checks by the caller. */
  running(proxy: WatchedProxy, checks: readonly Check[]): void {
    this.proxy = proxy;
    this.checks.push(...checks);
  }

  /** This process forwards its decision log. */
  forwarding(lags: () => readonly ForwardLag[]): void {
    this.forwarded = lags;
  }

  readiness(): Readiness {
    const lines = this.proxy?.runtime.withheld ?? [];
    // The admin address names no tables or columns.
    const withheld = lines.map(
      (line) => `withheld, see the operators' log: ${/^[^:]*:\d+:\d+/.exec(line)?.[0] ?? 'policies'}`,
    );
    return { notReady: this.notReady() ?? null, withheld };
  }

  notReady(): string | undefined {
    const { proxy, tally } = this;
    if (!proxy) return 'starting: no policy is in force yet';
    if (proxy.draining) return 'draining';
    const now = tally.clock();
    return notReady([...this.checks, () => serverCheck(tally, now), () => logCheck(tally, now)]);
  }

  metrics(): Promise<MetricFamily[]> {
    const { proxy, tally, version } = this;
    const roles = proxy ? [...proxy.runtime.policy.roles.values()] : [];
    return metricsOfThisProcess({
      tally,
      version,
      sessions: proxy?.sessions.live() ?? [],
      certificateValidUntil: proxy?.certificateValidUntil,
      revocationListsValidUntil: proxy?.revocationListsValidUntil,
      clockOffsetMs: proxy?.clockOffsetMs,
      ending: endingPrincipals(proxy?.runtime.policy.principals.values() ?? [], tally.clock()),
      withheld: proxy?.runtime.withheld.length ?? 0,
      disabledRoles: roles.filter((role) => role.disabled !== undefined).length,
      ready: this.notReady() === undefined,
      forwarded: this.forwarded(),
    });
  }
}

/** Something without which clients would be turned away. Undefined where all is well; else why not, in one line without secrets. */
type Check = () => string | undefined;

/** The first reason not to send clients here. */
function notReady(checks: readonly Check[]): string | undefined {
  for (const check of checks) {
    const why = check();
    if (why !== undefined) return why;
  }
  return undefined;
}

/**
 * How long the guard is not ready after a record could not be written. Then clients may come again: only a statement tries to write the
 * log, so without clients its recovery would not be noticed.
 */
const SHUN_MS = 30_000;

/** How long a session's failure to reach the server counts: the next regular check comes within this time. */
const OUT_OF_REACH_MS = 10_000;

/** @param now milliseconds since the epoch */
function serverCheck(
  { upstreamFailedAt }: { readonly upstreamFailedAt: number | undefined },
  now: number,
): string | undefined {
  if (upstreamFailedAt === undefined || now - upstreamFailedAt >= OUT_OF_REACH_MS) return undefined;
  return 'the database server could not be reached';
}

/** @param now milliseconds since the epoch */
function logCheck({ unwrittenAt }: { readonly unwrittenAt: number | undefined }, now: number): string | undefined {
  if (unwrittenAt === undefined || now - unwrittenAt >= SHUN_MS) return undefined;
  return 'the decision log could not be written';
}
