/**
 * Asks by the commands of `rowgate` themselves, each in a process of its own: a page has the same numbers as the command, and a question of minutes stops no
 * other page. Few run at once, and fewer of one person.
 */
import { Buffer } from 'node:buffer';
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { shownText } from '../app/print.ts';
import { FairQueue } from './fair-queue.ts';
import { ConsoleProblem } from './problem.ts';

export interface CommandQuestion {
  readonly words: readonly string[];
  /** Written to its standard input: values that must not appear in a list of processes. */
  readonly input?: string;
  /** Ends it. */
  readonly signal?: AbortSignal;
  /** The folder in which it runs: messages then show only the names of files in it. */
  readonly cwd?: string;
}

export interface CommandAnswer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const PLACES = { running: { all: 3, ofOne: 2 }, waiting: { all: 64, ofOne: 16 } } as const;
const LONGEST_MS = 300_000;
const MOST_BYTES = 64 * 1024 * 1024;

export class OwnCommand {
  private readonly queue = new FairQueue(PLACES);
  private readonly children = new Set<ChildProcess>();
  private ahead: ChildProcess | undefined;
  private logWords: (() => readonly string[]) | undefined;
  private isStopped = false;

  /** `program`: what a process is started by, as `node dist/cli/main.js`. */
  constructor(
    private readonly program: readonly [string, ...string[]],
    private readonly longestMs = LONGEST_MS,
  ) {}

  /** What it printed as one JSON object. Throws ConsoleProblem where it could not answer. */
  async json(question: CommandQuestion): Promise<unknown> {
    const { stdout } = await this.answer({ ...question, words: [...question.words, '--json'] });
    return JSON.parse(stdout) as unknown;
  }

  /** As `json`, with one value a line; empty if nothing was found. */
  async lines(question: CommandQuestion): Promise<Record<string, unknown>[]> {
    const answer = await this.run({ ...question, words: [...question.words, '--json'] });
    const { exitCode, stdout, stderr } = answer;
    if (exitCode > 1 || (stdout === '' && stderr !== '')) throw problemIn(answer);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Exit codes 0 and 1 are answers where it has printed one. */
  async answer(question: CommandQuestion): Promise<CommandAnswer> {
    const answer = await this.run(question);
    if (answer.exitCode > 1 || answer.stdout === '') throw problemIn(answer);
    return answer;
  }

  /** Ends what still runs. */
  stop(): void {
    this.isStopped = true;
    this.endAhead();
    for (const child of this.children) child.kill('SIGKILL');
  }

  run(question: CommandQuestion): Promise<CommandAnswer> {
    return this.queue.run(async () => {
      const ahead = this.takeAhead(question);
      const answer = await this.answerOf(ahead ?? this.start(question), question);
      // One that was ahead has little memory; what needs more is rare, and slower.
      const isShort = ahead && answer.exitCode !== 0 && OUT_OF_MEMORY.test(answer.stderr);
      return isShort ? this.answerOf(this.start(question), question) : answer;
    }, question.signal);
  }

  /** From now on, has a process ready for the next question about the log that these options name: it has opened it by then. */
  startAhead(logWords: () => readonly string[]): void {
    this.logWords = logWords;
    if (this.isStopped || this.ahead || this.children.size > 0) return;
    const [file, ...script] = this.program;
    const child = spawn(file, [...script, 'ahead', ...logWords()], { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] });
    this.ahead = child;
    // Where it does not start, or ends, the next question starts a process of its own.
    const gone = (): void => {
      if (this.ahead === child) this.ahead = undefined;
    };
    child.once('error', gone);
    child.once('exit', gone);
  }

  /** By itself, so that it removes what it keeps on disk. */
  private endAhead(): void {
    const { ahead } = this;
    this.ahead = undefined;
    if (ahead?.connected) ahead.disconnect();
  }

  private takeAhead({ words, cwd }: CommandQuestion): ChildProcessWithoutNullStreams | undefined {
    const { ahead } = this;
    if (!ahead?.connected || cwd !== undefined || !isAboutLog(words)) return undefined;
    this.ahead = undefined;
    ahead.removeAllListeners();
    ahead.send(words);
    return ahead as ChildProcessWithoutNullStreams;
  }

  private start({ words, cwd }: CommandQuestion): ChildProcessWithoutNullStreams {
    const [file, ...script] = this.program;
    return spawn(file, [...script, ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(cwd !== undefined && { cwd }),
    });
  }

  private answerOf(child: ChildProcessWithoutNullStreams, question: CommandQuestion): Promise<CommandAnswer> {
    const { input = '', signal } = question;
    this.children.add(child);
    const stdout: Uint8Array[] = [];
    const stderr: Uint8Array[] = [];
    let bytes = 0;
    let ended: 'too-slow' | 'too-large' | undefined;
    const end = (why?: typeof ended): void => {
      ended ??= why;
      child.kill('SIGKILL');
    };
    const collect = (into: Uint8Array[]) => (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) end('too-large');
      else into.push(chunk);
    };
    child.stdout.on('data', collect(stdout));
    child.stderr.on('data', collect(stderr));
    // It may end before it has read all of it.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const timer = setTimeout(() => end('too-slow'), this.longestMs);
    const left = (): void => end();
    if (signal?.aborted) end();
    signal?.addEventListener('abort', left, { once: true });
    return new Promise<CommandAnswer>((done, fail) => {
      child.once('error', fail);
      child.once('close', (exitCode) => {
        if (ended !== undefined) return fail(new ConsoleProblem(ended, TOO[ended]));
        done({ exitCode: exitCode ?? 2, stdout: textOf(stdout), stderr: textOf(stderr) });
      });
    }).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', left);
      this.children.delete(child);
      // One that was opened without the indexes has more to read.
      if (question.words[1] === 'index') this.endAhead();
      if (this.logWords) this.startAhead(this.logWords);
    });
  }
}

/** What reads much of it; making indexes takes the memory that it needs. */
function isAboutLog([first, second]: readonly string[]): boolean {
  return first === 'access' || (first === 'log' && second !== 'index');
}

const OUT_OF_MEMORY = /\bout of memory\b/i;

const TOO = {
  'too-slow': 'that took too long: ask for less time, or by the command',
  'too-large': 'that is too much for a page: ask for less time, or by the command',
} as const;

function textOf(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

const UNREADABLE = /encrypted|cannot be read|is damaged|there is no log|no key could be read|no such file|duckdb/i;
const NOTHING =
  /nothing in that time|no record of this log|does not exist|no such policy|no decision of this log|no statement|knows? (a|no) /i;

/** A command that cannot answer says why in its first lines. */
function problemIn({ exitCode, stderr }: CommandAnswer): ConsoleProblem {
  const lines = shownText(stderr).split('\n');
  const message = lines.flatMap((line) => /^(?:rowgate|error): (.*)$/.exec(line)?.[1] ?? []).join('; ');
  const hint = lines.find((line) => line.startsWith('hint: '))?.slice('hint: '.length);
  const said = message === '' ? 'nothing was found' : message.slice(0, 2_000);
  const code = UNREADABLE.test(said) ? 'log-unreadable' : exitCode === 1 || NOTHING.test(said) ? 'refused' : 'failed';
  return new ConsoleProblem(code, said, hint);
}
