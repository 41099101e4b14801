/** The metrics as Prometheus reads them: those of the guard and those of its processes, added up where there are several. */
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client';
import { type Figures, families, type MetricFamily } from './metrics.ts';

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** Memory, file descriptors, processor time, garbage collection and event-loop delay: a process has one of each, however many guards. */
let ofProcess: Registry | undefined;

function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** All metrics of this process as plain data: what a worker sends to the primary. */
export async function metricsOfThisProcess(figures: Figures): Promise<MetricFamily[]> {
  // prom-client's types call a metric's type by numbers; what it gives are these words.
  const ofNode = (await processRegistry().getMetricsAsJSON()) as unknown as MetricFamily[];
  return [...families(figures), ...ofNode.map(kept)];
}

/**
 * prom-client leaves out what is `omit` when it adds up: the oldest process tells how long the guard has been up. And a value that is
 * no number yet has no place in JSON.
 */
function kept(family: MetricFamily): MetricFamily {
  const values = family.values.filter(({ value }) => Number.isFinite(value));
  return { ...family, values, aggregator: family.aggregator === 'omit' ? 'min' : family.aggregator };
}

/** Prometheus' text format 0.0.4, of one process or of several: each metric says how its values become one. */
export function exposition(processes: readonly (readonly MetricFamily[])[]): Promise<string> {
  return AggregatorRegistry.aggregate([...processes]).metrics();
}
