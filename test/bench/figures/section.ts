/** One section of docs/benchmarks.md: it collects figures for the JSON, tells those that reach their target, and writes both. */
import { cpus } from 'node:os';
import { ROUNDS, SECONDS } from './knobs.ts';
import { memoryLatency } from './memory-latency.ts';
import { type Figure, type SectionName, writeSection } from './page.ts';
import { median, spread, verdict } from './table.ts';

/** What the median is to reach. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export class Section {
  private readonly figures: Figure[] = [];

  constructor(
    private readonly name: SectionName,
    /** Where something else than ROUNDS runs of SECONDS was measured. */
    private readonly method = `${ROUNDS} rounds of ${SECONDS} s, interleaved`,
    /** What the two of a ratio have in common. */
    private readonly pairedBy = 'round',
  ) {}

  /**
   * Keeps a figure and gives its cell: `0.93 (0.90–0.95); ≥ 0.90: met`.
   * @param what unique in its section. @param values absent where the place was not measured.
   */
  figure(what: string, unit: string, values: readonly number[] | undefined, goal?: Goal): string {
    if (!values) return '–';
    if (this.figures.some((other) => other.what === what)) throw new Error(`two figures "${what}"`);
    const middle = median(values);
    const judged = goal && { target: shown(goal), met: reaches(middle, goal) };
    this.figures.push({ what, unit, median: middle, values, ...judged });
    return `${spread(values)}${judged ? `; ${judged.target}: ${verdict(judged.met)}` : ''}`;
  }

  /** @param text its paragraphs and tables. */
  async write(text: string): Promise<void> {
    const cpu = cpus();
    const machine = `${cpu.length} cores (${cpu[0]?.model.trim()})`;
    const date = new Date().toISOString().slice(0, 10);
    const { version: node } = process;
    const memoryNs = memoryLatency();
    const said = `${machine}, ${memoryNs.toFixed(0)} ns an access to memory beyond its caches, Node ${node}, ${date}; ${this.method}. Median (least–most); ratios are taken pair by pair, within a ${this.pairedBy}.`;
    const measured = { machine, memoryNs, node, date, rounds: ROUNDS, seconds: SECONDS, figures: this.figures };
    await writeSection(this.name, measured, `${said}\n\n${text.trim()}`);
  }
}

function reaches(value: number, goal: Goal): boolean {
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
}

function shown(goal: Goal): string {
  return 'atLeast' in goal ? `≥ ${goal.atLeast.toFixed(2)}` : `≤ ${goal.atMost}`;
}
