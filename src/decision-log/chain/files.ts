/** The files of one log: the open one, and the closed ones, named by the number of their first record. */
import { format, parse } from 'node:path';

const DIGITS = 12;

/** `decisions.jsonl`, from record 4711 on, is closed as `decisions.000000004711.jsonl`; when it is compressed, `.gz` is added. */
export function closedName(file: string, first: number): string {
  const { dir, name, ext } = parse(file);
  return format({ dir, name: `${name}.${String(first).padStart(DIGITS, '0')}`, ext });
}

/** The number of the first record in a closed file of the log `file`, from its name; undefined for other files. */
export function firstOf(file: string, candidate: string): number | undefined {
  const { name, ext } = parse(file);
  const { base } = parse(candidate);
  const plain = base.endsWith('.gz') ? base.slice(0, -'.gz'.length) : base;
  if (!plain.startsWith(`${name}.`) || !plain.endsWith(ext)) return undefined;
  const digits = plain.slice(name.length + 1, plain.length - ext.length);
  return new RegExp(`^[0-9]{${DIGITS}}$`).test(digits) ? Number(digits) : undefined;
}
