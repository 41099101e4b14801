/** The ids of subjects in a guard: their key is read at start, and again on each reload. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { SubjectIds } from '../decision-log/subject-ids.ts';
import { readSubjectKey } from '../decision-log/subject-key-file.ts';
import { StartError } from './start-error.ts';

/** Undefined if people are only counted. Throws StartError. */
export function openSubjectIds({ log, keys }: Config): SubjectIds | undefined {
  if (log.subjects === 'counted' || keys.subjects === undefined) return undefined;
  const key = readSubjectKey(keys.subjects);
  if ('problem' in key) throw new StartError([`keys.subjects: ${key.problem}`]);
  return new SubjectIds(key);
}

/** The result of reading the key again: nothing if it is the same. If the new one is not valid, the old one stays in use. */
export function rereadSubjectKey(
  ids: SubjectIds | undefined,
  { keys }: Config,
  log: Logger,
): { readonly note?: string; readonly problem?: string } {
  if (!ids || keys.subjects === undefined) return {};
  const before = ids.keyName;
  const key = readSubjectKey(keys.subjects);
  const problem =
    'problem' in key
      ? key.problem
      : ids.rotate(key)
        ? undefined
        : `"${keys.subjects}" holds another key named "${before}"; give it a name of its own`;
  if (problem !== undefined) {
    const words = `keys.subjects: ${problem}; the key "${before}" stays`;
    log.error(words);
    return { problem: words };
  }
  if (ids.keyName === before) return {};
  const note = `ids of subjects are made with the key "${ids.keyName}" now`;
  log.info(note);
  return { note };
}
