/** The metrics in Prometheus' format: the guard's and its processes', summed over several processes. */
import type { Registry } from 'prom-client';
import { type Figures, families, type MetricFamily } from './metrics.ts';

/** That of the format. */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Memory, file descriptors, CPU time, garbage collection and event-loop delay: a process has one of each, however many guards it runs. */
let ofProcess: Registry | undefined;

async function processRegistry(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** All metrics of this process as plain data: what a worker sends to the primary. */
export async function metricsOfThisProcess(figures: Figures): Promise<MetricFamily[]> {
  // prom-client's types say that a metric's type is a number; in fact it returns these words.
  const ofNode = (await (await processRegistry()).getMetricsAsJSON()) as unknown as MetricFamily[];
  return [...families(figures), ...ofNode.map(kept)];
}

/**
 * When prom-client aggregates, it leaves out metrics marked `omit`; the first process then tells the guard's start time. A value that is not a finite
 * number cannot be written as JSON.
 */
function kept(family: MetricFamily): MetricFamily {
  const values = family.values.filter(({ value }) => Number.isFinite(value));
  return { ...family, values, aggregator: family.aggregator === 'omit' ? 'min' : family.aggregator };
}

/** Prometheus' text format 0.0.4, for one process or several: each metric says how to aggregate its values. */
export async function exposition(processes: readonly (readonly MetricFamily[])[]): Promise<string> {
  return (await aggregated(processes)).metrics();
}

/** One registry of several processes' metrics. prom-client is loaded at the first question: most guards are asked none. */
export async function aggregated(processes: readonly (readonly MetricFamily[])[]): Promise<Registry> {
  const { AggregatorRegistry } = await import('prom-client');
  return AggregatorRegistry.aggregate([...processes]);
}
