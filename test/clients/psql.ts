/** Runs psql: a script at once, or line by line on a terminal, where it completes names. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tool } from '../support/tools.ts';

const ENVIRONMENT = { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', TERM: 'dumb', PAGER: 'cat' };

export const PSQL = tool('psql');
/** With `\\bind`, `\\watch` with options, and `require_auth`. */
export const PSQL_16 = tool('psql', { since: 16 });

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program, bounded in time. */
export function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = '',
  timeout = 30_000,
): Promise<Ran> {
  return new Promise((done) => {
    const options = { timeout, env: { ...ENVIRONMENT, HOME: '/nonexistent', ...env }, maxBuffer: 50_000_000 };
    const child = execFile(program, [...args], options, (_error, stdout, stderr) =>
      done({ status: child.exitCode, stdout, stderr }),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Runs a script from standard input; errors are printed in the output, where they happened. */
export async function psqlScript(
  conninfo: string,
  script: string,
  options: { env?: Record<string, string>; args?: readonly string[] } = {},
): Promise<string> {
  const args = ['-X', '-P', 'pager=off', ...(options.args ?? []), '-d', conninfo];
  const { stdout } = await run(
    '/bin/sh',
    ['-c', 'exec "$0" "$@" 2>&1', PSQL.path ?? '', ...args],
    options.env ?? {},
    script,
  );
  return stdout;
}

const PROMPT = '=> ';

/** Takes back the line that was typed: Ctrl-U. */
const DISCARD = '\x15';

/** util-linux's, which gives psql a terminal. */
export const SCRIPT = tool('script');

/** Typed input: a text, or a text and what follows once `when` has resolved, as while the first is still running. */
export type Line = string | { readonly text: string; readonly when: () => Promise<void>; readonly follow: string };

export const CTRL_C = '\x03';

/**
 * Types lines on a terminal, each followed by a command that marks where its output ends, and gives back what was shown for each.
 * `\t` completes; a line is taken back before the mark unless it ends in a line break.
 */
export async function typed(conninfo: string, lines: readonly Line[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-terminal-'));
  const inputrc = join(folder, 'inputrc');
  // All that fits is listed at once and without a question, so that what is typed ahead is never taken for an answer.
  writeFileSync(inputrc, 'set completion-query-items 0\nset page-completions off\nset enable-bracketed-paste off\n');
  const words = [
    PSQL.path ?? '',
    '-X',
    '-q',
    '-v',
    `PROMPT1=${PROMPT}`,
    '-v',
    `PROMPT2=${PROMPT}`,
    '-P',
    'pager=off',
    '-d',
    conninfo,
  ];
  const command = words.map((word) => `'${word}'`).join(' ');
  const child = spawn(SCRIPT.path ?? '', ['-qec', `stty cols 200; exec ${command}`, '/dev/null'], {
    env: { ...ENVIRONMENT, HOME: folder, INPUTRC: inputrc },
  });
  const ended = once(child, 'close');
  try {
    const answers = await converse(child.stdin, child.stdout, lines);
    // psql writes its history into the folder when it leaves.
    await ended;
    return answers;
  } finally {
    child.kill();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function converse(
  input: NodeJS.WritableStream,
  output: NodeJS.ReadableStream,
  lines: readonly Line[],
): Promise<string[]> {
  let shown = '';
  let heard = (): void => {};
  output.on('data', (chunk: Buffer) => {
    shown += chunk.toString('utf8').replaceAll('\r', '').replaceAll('\x07', '');
    heard();
  });
  const until = async (mark: string): Promise<string> => {
    const end = Date.now() + 20_000;
    while (!shown.includes(mark)) {
      if (Date.now() > end) throw new Error(`no ${JSON.stringify(mark)} in ${JSON.stringify(shown)}`);
      await Promise.race([
        new Promise<void>((wake) => {
          heard = wake;
        }),
        new Promise((wake) => setTimeout(wake, 100)),
      ]);
    }
    const [before = '', ...rest] = shown.split(mark);
    shown = rest.join(mark);
    return before;
  };
  const answers: string[] = [];
  for (const [index, line] of ['\n', ...lines].entries()) {
    const { text, ...interruption } = typeof line === 'string' ? { text: line } : line;
    let answer = '';
    input.write(text);
    if ('when' in interruption) {
      await interruption.when();
      input.write(interruption.follow);
      answer = await until(PROMPT);
    }
    input.write(`${text.endsWith('\n') ? '' : DISCARD}\\echo mark'${index}'\n`);
    // The terminal passes on what is typed after the prompt unchanged.
    answers.push(answer + (await until(`\nmark${index}\n${PROMPT}`)));
  }
  input.write('\\q\n');
  return answers.slice(1);
}
