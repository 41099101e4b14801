/** Where the decision log of a guard is, and its time zone, for commands beside it: they need neither its secrets nor the rest of its configuration. */
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { PolicyDocument } from '../policy/document.ts';
import { readDuration } from '../policy/quantity.ts';
import { type Environment, expand, joinPieces } from './environment.ts';

export const DEFAULT_LOG_FILE = './decisions.jsonl';

export interface LogPlace {
  readonly file: string;
  /** Absent where the configuration says none. */
  readonly timeZone?: string;
  /** `log.seal.every`, in milliseconds. */
  readonly sealEveryMs?: number;
}

export function logPlace(file: string, environment: Environment): LogPlace | { readonly problem: string } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { problem: code === 'ENOENT' ? `${file}: no such file` : `${file} cannot be read (${code})` };
  }
  const { value, malformed } = new PolicyDocument({ path: basename(file), text });
  if (malformed || typeof value !== 'object' || value === null) return { problem: `${file} is no configuration` };
  const { log, time_zone: timeZone } = value as {
    log?: { file?: unknown; seal?: { every?: unknown } };
    time_zone?: unknown;
  };
  const written = typeof log?.file === 'string' ? log.file : DEFAULT_LOG_FILE;
  const path = resolve(dirname(resolve(file)), joinPieces(expand(written, environment).pieces));
  const every = readDuration(String(log?.seal?.every ?? ''));
  return {
    file: path,
    ...(typeof timeZone === 'string' && { timeZone }),
    ...('value' in every && { sealEveryMs: every.value }),
  };
}
