/** One run of pgbench at one place: how much went through, and what it cost the proxy. */
import { type Load, pgbench } from './pgbench.ts';
import { processorTime } from './processes.ts';
import type { Place } from './proxies.ts';

export interface Figures {
  /** Transactions a second. */
  readonly tps: number;
  /** Microseconds of the proxy's processor time a transaction, logins not counted; absent where nothing stands between. */
  readonly cpu?: number;
}

export async function throughput({ url }: Place, load: Load, seconds?: number): Promise<Figures> {
  const { tps } = await pgbench(url, load, seconds);
  return { tps };
}

export async function throughputAndCost(place: Place, load: Load): Promise<Figures> {
  const { url, pid } = place;
  if (pid === undefined) return throughput(place, load);
  const started = processorTime(pid);
  // What the logins cost, and one transaction each.
  await pgbench(url, { ...load, transactions: 1 });
  const between = processorTime(pid);
  const { tps, transactions } = await pgbench(url, load);
  const logins = between - started;
  return { tps, cpu: (processorTime(pid) - between - logins) / transactions };
}

/** What was measured at the place of that name; undefined where it was not. */
export function tpsOf(figures: ReadonlyMap<string, readonly Figures[]>, name: string): readonly number[] | undefined {
  return figures.get(name)?.map(({ tps }) => tps);
}

export function cpuOf(figures: ReadonlyMap<string, readonly Figures[]>, name: string): readonly number[] | undefined {
  return figures.get(name)?.flatMap(({ cpu }) => cpu ?? []);
}
