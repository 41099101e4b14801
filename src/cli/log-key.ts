/** `rowgate log key`: makes a key for the ids by which the decision log knows people. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { printOut } from '../app/print.ts';
import { SUBJECT_KEY_NAME } from '../decision-log/subject-key-file.ts';
import { failed } from './ask-guard.ts';
import { logCommand } from './log-source.ts';

const HELP = `
Examples:
  rowgate log key                                   writes subjects.key, which must not exist yet
  rowgate log key --name k4 --out /etc/rowgate/subjects-k4.key

The file is read by the guard alone (its owner, mode 0600). Replace it from time to time by a key of another name, and run "rowgate reload".
Exit code: 0, 1 where it could not be written, 2 for a wrong call.`;

export function register(program: Command): void {
  logCommand(program)
    .command('key')
    .description('make a key for the ids of people in the decision log')
    .option('--name <name>', 'stands before each id that is made with it; another one for each key', 'k1')
    .option('--out <file>', 'a new file', 'subjects.key')
    .addHelpText('after', HELP)
    .action(makeKey);
}

function makeKey({ name, out }: { name: string; out: string }, command: Command): void {
  if (!SUBJECT_KEY_NAME.test(name)) {
    command.error('error: --name: expected 1 to 16 letters, digits, "_" or "-"', { exitCode: 2 });
  }
  const file = resolve(out);
  try {
    // A key in use is never overwritten: without it, the data subjects in the log could no longer be found.
    const fd = openSync(file, 'wx', 0o600);
    try {
      writeSync(fd, `${name} ${randomBytes(32).toString('base64url')}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    failed(1, code === 'EEXIST' ? `${file} exists already` : `${file} cannot be written (${code ?? String(error)})`);
    return;
  }
  printOut(`${file} holds the key "${name}". It belongs to the guard's user, and stands in rowgate.yaml:
  keys: { subjects: ${file} }
Give a copy of it to the data protection officer, to be kept apart from the log and its backups. With it the log can be asked for
a person; without it, it cannot. At the end of the records' retention all copies are destroyed: then the records identify no one.
`);
}
