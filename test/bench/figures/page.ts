/** docs/benchmarks.md and the JSON beside it. The page has the targets, and a section of its own for little else: what stands there is replaced. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { IS_TRIAL } from './knobs.ts';
import { spread, table } from './table.ts';

/** In the order of the page. */
const HEADINGS = {
  targets: 'The targets',
  proxies: 'Beside other proxies',
  processor: "Where the processor's time goes",
  latency: 'Waiting, at half load',
  connections: 'Connections a second',
  shapes: 'New texts and new shapes',
  sent: 'What the server does more',
  judgements: "A judgement's own time",
  log: 'What the log costs',
  strict: 'What a strict log costs',
  budgets: 'What budgets cost',
  tokens: 'What tokens cost',
  bulk: 'A million rows',
  sessions: 'Idle sessions',
  growth: 'Growth',
  // Written by test/plans.
  reads: 'What the server reads',
  reports: 'What reports cost',
  orm: 'What comes again and again',
  verify: 'What verifying costs',
} as const;

export type SectionName = Exclude<keyof typeof HEADINGS, 'targets' | 'reads'>;

export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly median: number;
  /** One of each round. */
  readonly values: readonly number[];
  /** `≥ 0.90` */
  readonly target?: string;
  readonly met?: boolean;
}

interface Measured {
  readonly heading: string;
  readonly machine: string;
  /** Nanoseconds of an access beyond its caches, just behind what was measured. */
  readonly memoryNs: number;
  readonly node: string;
  readonly date: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly figures: readonly Figure[];
}

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const DOCS = join(REPOSITORY, 'docs');
/** Of trials and profiles; Git ignores it. */
export const SCRATCH = join(REPOSITORY, '.bench');

export async function writeSection(
  name: SectionName,
  measured: Omit<Measured, 'heading'>,
  text: string,
): Promise<void> {
  process.stdout.write(`\n## ${HEADINGS[name]}\n\n${text}\n\n`);
  const folder = IS_TRIAL ? await scratch() : DOCS;
  const file = join(folder, 'benchmarks.json');
  const known = await readFile(file, 'utf8').catch(() => '{}');
  const all: Partial<Record<string, Measured>> = JSON.parse(known);
  all[name] = { heading: HEADINGS[name], ...measured };
  await writeFile(file, written(all));
  const page = join(folder, 'benchmarks.md');
  const before = await readFile(page, 'utf8');
  const isKept = IS_TRIAL || before.includes(`## ${HEADINGS[name]}\n`);
  await writeFile(page, put('targets', targets(all), isKept ? put(name, text, before) : before));
}

/** A line for each figure. */
function written(all: object): string {
  const text = JSON.stringify(all, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value), 1);
  return `${text.replace(/(?<=^ {3})\{\n[^{}]*\}/gm, (figure) => figure.replace(/\n */g, ' '))}\n`;
}

async function scratch(): Promise<string> {
  await mkdir(SCRATCH, { recursive: true });
  const page = join(SCRATCH, 'benchmarks.md');
  await readFile(page).catch(() => copyFile(join(DOCS, 'benchmarks.md'), page));
  return SCRATCH;
}

/** In the place of the section of that heading, or where the order wants it. */
export function put(name: keyof typeof HEADINGS, text: string, page: string): string {
  const headings: readonly string[] = Object.values(HEADINGS);
  const rank = headings.indexOf(HEADINGS[name]);
  const starts = [...page.matchAll(/^## (.+)$/gm)].map(({ index, 1: heading }) => ({
    index,
    rank: headings.indexOf(heading!),
  }));
  const own = starts.find((start) => start.rank === rank);
  const from = own?.index ?? starts.find((start) => start.rank > rank)?.index ?? page.length;
  const until = own ? (starts.find((start) => start.index > from)?.index ?? page.length) : from;
  const [head, tail] = [page.slice(0, from).trimEnd(), page.slice(until)];
  return `${`${head}\n\n## ${HEADINGS[name]}\n\n${text}\n\n${tail}`.trimEnd()}\n`;
}

/** A line for each section that has been measured, each on its day: how many of its targets are met, and the figure furthest from its target. */
function targets(all: Partial<Record<string, Measured>>): string {
  const judged = Object.keys(HEADINGS).flatMap((name) => {
    const { heading, figures } = all[name] ?? { heading: '', figures: [] };
    const held = figures.filter(({ target }) => target !== undefined);
    return held.length === 0 ? [] : [{ name, heading, held }];
  });
  const rows = judged.map(({ name, heading, held }) => {
    const furthest = held.toSorted((a, b) => attained(a) - attained(b))[0]!;
    const { what, unit, values, target } = furthest;
    const goal = unit === 'ratio' ? target : `${target} ${unit}`;
    return [heading, `\`${name}\``, `${met(held)} of ${held.length}`, `${what}: ${spread(values)}; ${goal}`];
  });
  const every = judged.flatMap(({ held }) => held);
  return `${met(every)} of ${every.length} are met.\n\n${table(['section', 'npm run bench --', 'met', 'furthest from its target'], rows)}`;
}

const met = (figures: readonly Figure[]): number => figures.filter((figure) => figure.met).length;

/** The part of its target that a figure reaches: 1 or more where it is met. */
function attained({ median, target = '' }: Figure): number {
  const goal = Number(target.slice(2));
  return target.startsWith('≥') ? median / goal : goal / median;
}
