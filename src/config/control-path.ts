/** Finds the control socket of a guard, for commands on the same host: they need neither its secrets nor the rest of its configuration. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { PolicyDocument } from '../policy/source/document.ts';
import { controlSchema } from './control-schema.ts';
import { type Environment, expand, joinPieces } from './environment.ts';

/** In the state folder if there is one, as the guard may write there; else beside the configuration. */
export function besideState(file: string, state: string | undefined, name: string): string {
  const folder = dirname(resolve(file));
  return join(state?.startsWith('file:') ? dirname(resolve(folder, state.slice('file:'.length))) : folder, name);
}

export const SOCKET_NAME = 'rowgate.sock';

/** The configuration as it is written, unchecked; or why it cannot be read. */
export function readUnchecked(file: string): { readonly value: object } | { readonly problem: string } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { problem: code === 'ENOENT' ? `${file}: no such file` : `${file} cannot be read (${code})` };
  }
  const { value, malformed } = new PolicyDocument({ path: basename(file), text });
  if (malformed || typeof value !== 'object' || value === null) return { problem: `${file} is no configuration` };
  return { value };
}

/** The path, or why there is none. */
export function controlPath(file: string, environment: Environment): { path: string } | { problem: string } {
  const read = readUnchecked(file);
  if ('problem' in read) return read;
  const { control, state } = expanded(read.value, environment) as { control?: unknown; state?: unknown };
  const checked = controlSchema.safeParse(control);
  if (!checked.success) return { problem: `${file}: "control" is not as expected` };
  if (checked.data === 'none') return { problem: `${file} says that there is no control socket` };
  if (checked.data) return { path: resolve(dirname(resolve(file)), checked.data.path) };
  return { path: besideState(file, typeof state === 'string' ? state : undefined, SOCKET_NAME) };
}

function expanded(value: unknown, environment: Environment): unknown {
  if (typeof value === 'string') return joinPieces(expand(value, environment).pieces);
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expanded(item, environment)]));
}
