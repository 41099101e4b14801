/** The files of a log by name: those of one process, or of each worker. */
import { readdirSync } from 'node:fs';
import { basename, dirname, format, join, parse } from 'node:path';
import { firstOf } from '../chain/files.ts';
import { type LineHandlers, type LinesRead, readLines } from '../read/lines.ts';

export interface VerifiedFile {
  readonly name: string;
  readonly path: string;
  /** The number of its first record, from its name. Absent: the open file. */
  readonly first?: number;
}

/** Reads its lines. It may have been compressed since it was listed: the plain file is removed when the compressed one exists. */
export async function readLogFile({ path, first }: VerifiedFile, handlers: LineHandlers): Promise<LinesRead> {
  const isOpen = first === undefined;
  try {
    return await readLines(path, handlers, isOpen);
  } catch (error) {
    if (isOpen || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return readLines(`${path}.gz`, handlers);
  }
}

export interface WriterFiles {
  /** The name of the open file, even if it does not exist. */
  readonly name: string;
  /** In the order in which they were written. */
  readonly files: readonly VerifiedFile[];
}

/** @param log the open file, as in `log.file`; with workers, the name that theirs are derived from. Throws if the folder cannot be read. */
export function writersOf(log: string): WriterFiles[] {
  const folder = dirname(log);
  const names = readdirSync(folder).toSorted();
  const { name: stem, ext } = parse(log);
  const numbers = new Set<number>();
  for (const name of names) {
    if (!name.startsWith(`${stem}.`)) continue;
    const [, number] = /^([1-9][0-9]{0,2})\./.exec(name.slice(stem.length + 1)) ?? [];
    if (number !== undefined) numbers.add(Number(number));
  }
  const workers = [...numbers].toSorted((a, b) => a - b).map((n) => format({ name: `${stem}.${n}`, ext }));
  return [basename(log), ...workers]
    .map((name) => ({ name, files: filesOf(folder, name, names) }))
    .filter(({ files }) => files.length > 0);
}

function filesOf(folder: string, open: string, names: readonly string[]): VerifiedFile[] {
  const closed = new Map<number, string>();
  for (const name of names) {
    const first = firstOf(open, name);
    // If both forms exist, the plain file counts: the compressed copy may be unfinished.
    if (first !== undefined && !(name.endsWith('.gz') && closed.has(first))) closed.set(first, name);
  }
  const files = [...closed]
    .toSorted(([a], [b]) => a - b)
    .map(([first, name]): VerifiedFile => ({ name, path: join(folder, name), first }));
  return names.includes(open) ? [...files, { name: open, path: join(folder, open) }] : files;
}
