/** Reads the file with the key of subjects' ids: a line with its name and its secret, such as `k3 Zm9v…`. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { SubjectKey } from './subject-ids.ts';

/** As good as 128 bits if generated at random. */
const SHORTEST_SECRET = 32;
/** Longer than any sensible key file. */
const LONGEST_BYTES = 64 * 1024;

/** The name is part of each id; a colon ends it. */
export const SUBJECT_KEY_NAME = /^[A-Za-z0-9_-]{1,16}$/;

/** All keys in the file, in order: a search for a person needs the older ones as well. Empty lines and those that begin with `#` are skipped. */
export function readSubjectKeys(file: string): readonly SubjectKey[] | { readonly problem: string } {
  let text: string;
  try {
    const fd = openSync(file, 'r');
    try {
      const { mode, size } = fstatSync(fd);
      // Anyone who can read the key can identify every id, by trying all people.
      if ((mode & 0o077) !== 0) return { problem: `"${file}" can be read by others; its mode must be 0600` };
      if (size > LONGEST_BYTES) return { problem: `"${file}" is too long for keys` };
      text = readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return { problem: `"${file}" cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})` };
  }
  const keys: SubjectKey[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const key = keyIn(line);
    // The text is not quoted: it may be a secret.
    if (typeof key === 'string') return { problem: `"${file}", line ${index + 1}: ${key}` };
    if (keys.some(({ name }) => name === key.name)) return { problem: `"${file}" has two keys "${key.name}"` };
    keys.push(key);
  }
  return keys;
}

/** The one key that a guard makes ids with. */
export function readSubjectKey(file: string): SubjectKey | { readonly problem: string } {
  const keys = readSubjectKeys(file);
  if ('problem' in keys) return keys;
  const [only] = keys;
  if (only && keys.length === 1) return only;
  return { problem: `"${file}" holds ${keys.length === 0 ? 'no key' : 'several keys'}; "rowgate log key" makes one` };
}

function keyIn(line: string): SubjectKey | string {
  const [, name = '', secret = ''] = /^(\S+)\s+(\S+)\s*$/.exec(line) ?? [];
  if (!SUBJECT_KEY_NAME.test(name)) return 'expected the name of a key and its secret, as "k3 …"';
  if (secret.length < SHORTEST_SECRET) return `expected a secret of at least ${SHORTEST_SECRET} characters`;
  return { name, secret };
}
