/** A guard that is watched: what it counts, what it is to be asked for, and from when on it is running. */
import { endingPrincipals } from '../../policy/model/last-days.ts';
import type { GuardRuntime } from '../../server/guard-runtime.ts';
import type { Sessions } from '../../server/sessions.ts';
import { metricsOfThisProcess } from './exposition.ts';
import type { ForwardLag, MetricFamily } from './metrics.ts';
import { type Check, logCheck, notReady, serverCheck } from './readiness.ts';
import type { Readiness } from './server.ts';
import { ProcessTally } from './tally.ts';
import { type GuardWatch, watchInto } from './watching.ts';

/** What one process says of itself; the primary puts together what its workers say. */
export interface GuardReport {
  readiness(): Readiness;
  metrics(): Promise<MetricFamily[]>;
}

/** Of the running proxy. */
export interface WatchedProxy {
  readonly sessions: Sessions;
  readonly runtime: GuardRuntime;
  readonly draining: boolean;
  readonly certificateValidUntil: Date | undefined;
  readonly revocationListsValidUntil: Date | undefined;
  readonly clockOffsetMs: number;
}

export class WatchedGuard implements GuardReport {
  /** To be put around the guard's parts while it is put together. */
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

  /** Policies are in force and the listener accepts. `checks`: what only the one who runs the guard knows. */
  running(proxy: WatchedProxy, checks: readonly Check[]): void {
    this.proxy = proxy;
    this.checks.push(...checks);
  }

  /** This process sends its decision log elsewhere. */
  forwarding(lags: () => readonly ForwardLag[]): void {
    this.forwarded = lags;
  }

  readiness(): Readiness {
    const lines = this.proxy?.runtime.withheld ?? [];
    // What is said at the admin address names no table or column.
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
