/** The measurements of a trial, and the page that shows them. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { table } from '../bench/figures/table.ts';

export interface Figures {
  readonly trial: string;
  readonly statements: number | undefined;
  readonly lost: number | undefined;
  readonly leaked: number;
  readonly memory: readonly [before: number, after: number];
  readonly descriptors: readonly [before: number, after: number];
  /** The result in words, with its numbers. */
  readonly result: string;
}

/** Resident memory in MB, over all these processes. */
export function memoryOf(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]));
  return Math.round(kilobytes.reduce((sum, n) => sum + n, 0) / 1024);
}

/** Open file descriptors, over all these processes. */
export function descriptorsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
}

const HEAD = [
  'trial',
  'statements',
  'lost without an error',
  'sessions left upstream',
  'memory, MB',
  'descriptors',
  'what happened',
];

export function writePage(figures: readonly Figures[]): void {
  const rows = figures.map(({ trial, statements, lost, leaked, memory, descriptors, result }) => [
    trial,
    statements === undefined ? '' : String(statements),
    lost === undefined ? '' : String(lost),
    String(leaked),
    memory.join(' → '),
    descriptors.join(' → '),
    result,
  ]);
  writeSection('worst days', HEAD, rows);
}

/** Puts a table in the place of that section of worst-days.md; the others stay as they are. */
export function writeSection(name: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const page = new URL('worst-days.md', import.meta.url);
  const [before, , after] = readFileSync(page, 'utf8').split(new RegExp(`<!-- ${name}(?: end)? -->\n`));
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}; guards, servers and clients share it. Load average at the end: ${Math.round(loadavg()[0] ?? 0)}.`;
  const section = `<!-- ${name} -->\n${machine}\n\n${table(head, rows)}\n<!-- ${name} end -->\n`;
  writeFileSync(page, `${before}${section}${after ?? ''}`);
}
