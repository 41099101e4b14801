/**
 * The path of a guard's decision log and its time zone, for commands on the same host: they need neither its secrets nor the rest of its
 * configuration.
 */
import { dirname, resolve } from 'node:path';
import { readDuration } from '../policy/source/quantity.ts';
import { readUnchecked } from './control-path.ts';
import { type Environment, expand, joinPieces } from './environment.ts';

export const DEFAULT_LOG_FILE = './decisions.jsonl';

export interface LogPlace {
  readonly file: string;
  /** Absent if the configuration does not set one. */
  readonly timeZone?: string;
  /** `log.seal.every`, in milliseconds. */
  readonly sealEveryMs?: number;
  /** The policies folder; absent if the configuration does not set one. */
  readonly policies?: string;
}

/** The guard's time zone if its configuration sets one; else this host's. */
export function zoneOf(place: LogPlace | { readonly problem: string } | undefined): string {
  const written = place && 'timeZone' in place ? place.timeZone : undefined;
  return written ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Reads only the keys that it needs; other errors in the file do not matter. */
export function logPlace(file: string, environment: Environment): LogPlace | { readonly problem: string } {
  const read = readUnchecked(file);
  if ('problem' in read) return read;
  const {
    log,
    policies,
    time_zone: timeZone,
  } = read.value as {
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
