/** Where the decision log of a guard is, and its time zone, for commands beside it: they need neither its secrets nor the rest of its configuration. */
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { PolicyDocument } from '../policy/source/document.ts';
import { readDuration } from '../policy/source/quantity.ts';
import { type Environment, expand, joinPieces } from './environment.ts';

export const DEFAULT_LOG_FILE = './decisions.jsonl';

export interface LogPlace {
  readonly file: string;
  /** Absent where the configuration says none. */
  readonly timeZone?: string;
  /** `log.seal.every`, in milliseconds. */
  readonly sealEveryMs?: number;
  /** The folder of policies; absent where the configuration says none. */
  readonly policies?: string;
}

/** The time zone of the guard, where its configuration says one; else this host's. */
export function zoneOf(place: LogPlace | { readonly problem: string } | undefined): string {
  const written = place && 'timeZone' in place ? place.timeZone : undefined;
  return written ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
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
  const {
    log,
    policies,
    time_zone: timeZone,
  } = value as {
    log?: { file?: unknown; seal?: { every?: unknown } };
    policies?: unknown;
    time_zone?: unknown;
  };
  const written = typeof log?.file === 'string' ? log.file : DEFAULT_LOG_FILE;
  const beside = (path: string): string =>
    resolve(dirname(resolve(file)), joinPieces(expand(path, environment).pieces));
  const every = readDuration(String(log?.seal?.every ?? ''));
  return {
    file: beside(written),
    ...(typeof policies === 'string' && { policies: beside(policies) }),
    ...(typeof timeZone === 'string' && { timeZone }),
    ...('value' in every && { sealEveryMs: every.value }),
  };
}
