/** The reports of several worker processes as one guard's answer. Each request asks all of them again, with a time limit. */
import { aggregated, exposition } from './exposition.ts';
import type { MetricFamily } from './metrics.ts';
import type { AdminSources, Readiness } from './server.ts';

/** Plain data: it is sent between processes. */
export interface WorkerReport extends Readiness {
  readonly metrics: readonly MetricFamily[];
}

/** A worker that serves clients. */
export interface ReportingWorker {
  /** Never reused for another process. */
  readonly id: number;
  report(): Promise<WorkerReport>;
}

/** A worker that takes longer is too busy to count as ready. */
const ANSWER_MS = 2_000;

export class Fleet implements AdminSources {
  private readonly lastReports = new Map<number, WorkerReport>();
  /** The counters of workers that have ended: without them the sums would fall, and Prometheus would see a restart. */
  private departed: readonly MetricFamily[] = [];

  /** `own`: the metrics of the calling process. */
  constructor(
    private readonly workers: () => readonly ReportingWorker[],
    private readonly own: () => readonly MetricFamily[] = () => [],
  ) {}

  async readiness(): Promise<Readiness> {
    const asked = await Promise.all(this.workers().map(answerOf));
    const withheld = [...new Set(asked.flatMap((report) => report?.withheld ?? []))];
    if (asked.length === 0) return { notReady: 'no worker serves', withheld };
    if (asked.includes(undefined)) return { notReady: 'a worker does not answer', withheld };
    return { notReady: asked.find((report) => report?.notReady)?.notReady ?? null, withheld };
  }

  async metrics(): Promise<string> {
    const workers = this.workers();
    const answers = await Promise.all(workers.map(answerOf));
    for (const [index, report] of answers.entries()) {
      const worker = workers[index];
      if (worker && report) this.lastReports.set(worker.id, report);
    }
    await this.forgetAllBut(new Set(workers.map(({ id }) => id)));
    return exposition([...[...this.lastReports.values()].map(({ metrics }) => metrics), this.departed, this.own()]);
  }

  private async forgetAllBut(living: ReadonlySet<number>): Promise<void> {
    const gone = [...this.lastReports].filter(([id]) => !living.has(id));
    if (gone.length === 0) return;
    for (const [id] of gone) this.lastReports.delete(id);
    this.departed = await countersOf([this.departed, ...gone.map(([, { metrics }]) => metrics)]);
  }
}

/** Undefined if it fails or takes too long. */
async function answerOf(worker: ReportingWorker): Promise<WorkerReport | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((done) => {
    timer = setTimeout(() => done(undefined), ANSWER_MS);
  });
  return Promise.race([worker.report().catch(() => undefined), late]).finally(() => clearTimeout(timer));
}

async function countersOf(processes: readonly (readonly MetricFamily[])[]): Promise<MetricFamily[]> {
  const sums = (await (await aggregated(processes)).getMetricsAsJSON()) as unknown as MetricFamily[];
  return sums.filter(({ type }) => type === 'counter' || type === 'histogram');
}
