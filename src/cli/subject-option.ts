/** `--subject student=4711 --subject-key FILE`: the person somebody looks for, and the keys by which the log may know it. */
import type { Command } from 'commander';
import type { Sought } from '../decision-log/reports/subject.ts';
import type { SubjectKey } from '../decision-log/subject-ids.ts';
import { readSubjectKeys } from '../decision-log/subject-key-file.ts';
import { failed } from './ask-guard.ts';

export interface SubjectOptions {
  readonly subject?: string;
  readonly subjectKey?: readonly string[];
}

/** Undefined where nobody is looked for; `failed`: a key cannot be read, that was said, and the exit code is set. */
export function soughtIn({ subject, subjectKey }: SubjectOptions, command: Command): Sought | undefined | 'failed' {
  if (subject === undefined) return undefined;
  const [, name, key] = /^([^=]+)=(.+)$/.exec(subject) ?? [];
  if (name === undefined || key === undefined) {
    return command.error(`error: --subject: expected a subject and a key such as student=4711, found "${subject}"`, {
      exitCode: 2,
    });
  }
  if (!subjectKey) {
    return command.error('error: --subject needs --subject-key: ids are made of keys with it', { exitCode: 2 });
  }
  const keys: SubjectKey[] = [];
  for (const file of subjectKey) {
    const read = readSubjectKeys(file);
    if ('problem' in read) {
      failed(2, read.problem);
      return 'failed';
    }
    keys.push(...read);
  }
  return { subject: name, key, keys };
}
