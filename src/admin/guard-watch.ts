/** What can be said of a running guard from outside: whether clients are welcome, and its figures. */
import type { GuardRuntime } from '../proxy/guard-runtime.ts';
import type { Sessions } from '../proxy/sessions.ts';
import { metricsOfThisProcess } from './exposition.ts';
import type { MetricFamily } from './metrics.ts';
import { type Check, logCheck, notReady } from './readiness.ts';
import type { Tally } from './tally.ts';

/** One process's report: the primary of several workers puts theirs together. */
export interface GuardReport {
  /** Why clients should be sent elsewhere now, in one line; undefined where they are welcome. */
  notReady(): string | undefined;
  metrics(): Promise<MetricFamily[]>;
}

export interface GuardParts {
  readonly sessions: Sessions;
  readonly runtime: GuardRuntime;
  readonly version: string;
  /** What only the one who runs the guard knows: that it is draining, or that the server is not to be reached. */
  readonly checks: readonly Check[];
}

export function reportOf(tally: Tally, { sessions, runtime, version, checks }: GuardParts): GuardReport {
  const why = (): string | undefined => notReady([...checks, () => logCheck(tally, tally.clock())]);
  return {
    notReady: why,
    metrics: () =>
      metricsOfThisProcess({
        tally,
        sessions: sessions.live(),
        disabledRoles: [...runtime.policy.roles.values()].filter((role) => role.disabled !== undefined).length,
        ready: why() === undefined,
        version,
      }),
  };
}
