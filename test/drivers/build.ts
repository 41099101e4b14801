/** Builds compiled drivers, and keeps them between runs. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const HERE = import.meta.dirname;

/** Kept, because compilers are slow where they have nothing to begin with. */
export const CACHE = resolve(HERE, '../../.cache/drivers');

/**
 * Runs a compiler in this folder, with the name of a fresh file or folder that it must make, and moves what it made to `CACHE/name`.
 * Throws, with what the compiler said, where it fails.
 */
export async function build(
  name: string,
  compiler: string,
  args: (output: string) => readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'building-'));
  const output = join(folder, name);
  await promisify(execFile)(compiler, [...args(output)], { cwd: HERE, env: { ...process.env, ...env } });
  // A run beside this one may execute the old one: it keeps what it has opened.
  await rm(join(CACHE, name), { recursive: true, force: true });
  await rename(output, join(CACHE, name));
  await rm(folder, { recursive: true });
}
