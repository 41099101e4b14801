/** The files of a log: those of each chain in order, the open one last. Several workers write a chain each. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, format, join, parse, resolve } from 'node:path';
import { firstOf } from '../chain/files.ts';

/** Files of one chain, oldest first; compressed ones end in `.gz`. */
export type Chain = readonly string[];

const COMPRESSED = '.gz';
const CLOSED = /\.[0-9]{12}$/;

/** All files of the log that a guard writes to `file`. */
export function chainsOf(file: string): Chain[] {
  const folder = dirname(resolve(file));
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const { name: stem, ext } = parse(file);
  const ofWorkers = new Set<string>();
  for (const name of names) {
    const number = /^\.([0-9]{1,6})(?:\.[0-9]{12})?$/.exec(middle(name, stem, ext) ?? '')?.[1];
    if (number !== undefined) ofWorkers.add(join(folder, `${stem}.${number}${ext}`));
  }
  return [resolve(file), ...ofWorkers].map((open) => chainOf(open, names)).filter((chain) => chain.length > 0);
}

/** Groups the given files by chain. */
export function chainsAmong(files: readonly string[]): Chain[] {
  const byOpen = new Map<string, string[]>();
  for (const file of new Set(files.map((file) => resolve(file)))) {
    const open = openNameOf(file);
    byOpen.set(open, [...(byOpen.get(open) ?? []), file]);
  }
  return [...byOpen.values()].map((chain) => chain.toSorted(inOrder));
}

/** True if a guard may still write to it. */
export function isOpen(file: string): boolean {
  return !file.endsWith(COMPRESSED) && openNameOf(file) === file;
}

/** The chain with this open file. */
export function chainOf(open: string, names: readonly string[] = readdirSync(dirname(open))): Chain {
  const folder = dirname(open);
  const closed = names.filter((name) => firstOf(open, name) !== undefined);
  // While a file is being compressed, both forms exist.
  const once = closed.filter(
    (name) => !name.endsWith(COMPRESSED) || !closed.includes(name.slice(0, -COMPRESSED.length)),
  );
  const files = once.map((name) => join(folder, name));
  return [...files, ...(existsSync(open) ? [open] : [])].toSorted(inOrder);
}

/** The part between the name and the ending of `decisions.….jsonl`. */
function middle(name: string, stem: string, ext: string): string | undefined {
  const plain = name.endsWith(COMPRESSED) ? name.slice(0, -COMPRESSED.length) : name;
  if (!plain.startsWith(`${stem}.`) || !plain.endsWith(ext) || plain.length < stem.length + ext.length)
    return undefined;
  return plain.slice(stem.length, plain.length - ext.length);
}

/** The open file of the chain that this file belongs to. */
export function openNameOf(file: string): string {
  const { dir, name, ext } = parse(file.endsWith(COMPRESSED) ? file.slice(0, -COMPRESSED.length) : file);
  return format({ dir, name: name.replace(CLOSED, ''), ext });
}

function inOrder(a: string, b: string): number {
  return orderOf(a) - orderOf(b);
}

function orderOf(file: string): number {
  return firstOf(openNameOf(file), parse(file).base) ?? Number.POSITIVE_INFINITY;
}
