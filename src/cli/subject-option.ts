/** `--subject student=4711 --subject-key FILE`: the data subject to look for, and the keys by which the log may know it. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { environmentFor } from '../app/placeholders.ts';
import { loadConfig } from '../config/load.ts';
import type { PersonSearch } from '../decision-log/reports/subject.ts';
import type { SubjectKey } from '../decision-log/subject-ids.ts';
import { readSubjectKeys } from '../decision-log/subject-key-file.ts';
import { failed } from './ask-guard.ts';

export interface SubjectOptions {
  readonly config: string;
  readonly subject?: string;
  readonly subjectKey?: readonly string[];
}

/**
 * Undefined if no data subject is asked for; `failed`: a key cannot be read, the problem was printed, and the exit code is set. Without
 * `--subject-key` the key of the configuration is used, if the caller may read it.
 */
export function soughtIn(
  { config, subject, subjectKey }: SubjectOptions,
  command: Command,
  keyIs: 'key is needed' | 'key is optional' = 'key is needed',
): PersonSearch | undefined | 'failed' {
  if (subject === undefined) return undefined;
  const [, name, said] = /^([^=]+)=(.+)$/.exec(subject) ?? [];
  // A key may name a person, and the command line is kept in the shell's history.
  const key = said === '-' ? readFileSync(0, 'utf8').trim() || undefined : said;
  if (name === undefined || key === undefined) {
    return command.error(`error: --subject: expected a subject and a key such as student=4711, found "${subject}"`, {
      exitCode: 2,
    });
  }
  const keys: SubjectKey[] = [];
  for (const file of subjectKey ?? []) {
    const read = readSubjectKeys(file);
    if ('problem' in read) {
      failed(2, read.problem);
      return 'failed';
    }
    keys.push(...read);
  }
  if (!subjectKey) {
    const own = keysOfConfiguration(config);
    if (own.keys.length === 0 && keyIs === 'key is needed') {
      const message = `error: --subject needs --subject-key: ids are made of keys with it${own.problem}`;
      return command.error(message, { exitCode: 2 });
    }
    keys.push(...own.keys);
  }
  return { subject: name, key, keys };
}

/** The key with which the guard of this configuration makes ids now. */
function keysOfConfiguration(file: string): { readonly keys: readonly SubjectKey[]; readonly problem: string } {
  const place = loadConfig(file, environmentFor('')).config?.keys.subjects;
  const read = place === undefined ? [] : readSubjectKeys(place);
  return 'problem' in read ? { keys: [], problem: ` (${read.problem})` } : { keys: read, problem: '' };
}
