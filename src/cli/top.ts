/** `rowgate top`: who is connected to a running guard and what they do, over all workers; refreshed until the user quits. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { clearScreen, oneLine, printOut } from '../app/print.ts';
import type { ShownTop, SubjectsUsed } from '../operations/control/commands/top.ts';
import type { SessionSummary } from '../server/sessions.ts';
import { ask, duration, failed, type GuardCommandOptions, toGuard } from './ask-guard.ts';

const HELP = `
Examples:
  rowgate top
  rowgate top --every 5s
  rowgate top --json                 once, measured over a second

Rows a minute are those since the screen before, of statements that still run too. Subjects: today's, of the limit that is used most. Statements are
shown without their literals. q or Ctrl-C leaves. Where standard output is no terminal it is drawn once.
Exit code: 0, 2 for a wrong call or where no guard answers.`;

interface TopOptions extends GuardCommandOptions {
  readonly every: string;
}

type Answer = ShownTop & { readonly silent: number };

interface Line extends SessionSummary {
  readonly rows_per_minute: number;
  /** Of its principal. */
  readonly subjects?: SubjectsUsed;
}

interface Screen {
  /** ISO time. */
  readonly time: string;
  /** Workers that did not answer: their sessions are not shown. */
  readonly silent: number;
  readonly sessions: readonly Line[];
}

/** A first measurement, and the one for programs. */
const FIRST_MS = 1_000;
const MINUTE_MS = 60_000;

export function register(program: Command): void {
  toGuard(program.command('top'))
    .description(
      'who is connected to a running guard, doing what, with rows a minute, subjects of the limit and refusals',
    )
    .option('--every <duration>', 'how often it is drawn anew', '2s')
    .addHelpText('after', HELP)
    .action(top);
}

async function top(options: TopOptions, command: Command): Promise<void> {
  const every = duration(command, '--every', options.every);
  const live = process.stdout.isTTY === true && !options.json;
  const leave = new AbortController();
  const end = (): void => leave.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  const keys = live ? leaveOnKey(end) : undefined;
  try {
    let before = await measured(options);
    for (let wait = FIRST_MS; before; wait = every) {
      await sleep(wait, undefined, { signal: leave.signal }).catch(() => {});
      if (leave.signal.aborted) return;
      const now = await measured(options);
      if (!now) return;
      const screen = screenOf(before, now);
      if (!live)
        return void printOut(
          options.json ? `${JSON.stringify(screen)}\n` : `${linesOf(screen, now.shown, WIDE).join('\n')}\n`,
        );
      draw(screen, now.shown);
      before = now;
    }
  } finally {
    keys?.();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  }
}

interface Measured {
  readonly at: number;
  readonly answer: Answer;
  /** An ISO time, in the time zone of the guard. */
  shown(iso: string): string;
}

/** Undefined if no guard answers: the problem was printed, and the exit code is set. */
async function measured(options: TopOptions): Promise<Measured | undefined> {
  const asked = await ask<Answer>(options, 'top', {});
  if (!asked) {
    if (process.exitCode === 1) return failed(2, 'the guard does not say what it does');
    return undefined;
  }
  return { at: performance.now(), ...asked };
}

function screenOf(before: Measured, now: Measured): Screen {
  const rows = new Map(before.answer.sessions.map((session) => [session.session, session.rows]));
  const minutes = Math.max(1, now.at - before.at) / MINUTE_MS;
  const sessions = now.answer.sessions.map((session): Line => {
    const since = session.rows - (rows.get(session.session) ?? 0);
    const [subjects] = [...(now.answer.subjects[session.principal] ?? [])].sort(
      (a, b) => b.used / b.of - a.used / a.of,
    );
    return { ...session, rows_per_minute: Math.max(0, Math.round(since / minutes)), ...(subjects && { subjects }) };
  });
  const busiest = (a: Line, b: Line): number =>
    b.rows_per_minute - a.rows_per_minute ||
    Number(b.activity === 'active') - Number(a.activity === 'active') ||
    a.for - b.for;
  return { time: new Date().toISOString(), silent: now.answer.silent, sessions: sessions.sort(busiest) };
}

const WIDE = Number.POSITIVE_INFINITY;
const HEAD = ['principal', 'role', 'address', 'state', 'for', 'rows/min', 'subjects', 'refused', 'statement'];
const NUMBERS = new Set([4, 5, 6, 7]);

function linesOf({ time, silent, sessions }: Screen, shown: Measured['shown'], width: number): string[] {
  const active = sessions.filter(({ activity }) => activity === 'active').length;
  const busy = silent > 0 ? `; ${silent} workers did not answer, and their sessions are not here` : '';
  const rows = sessions.map((session) =>
    [
      session.user === undefined ? session.principal : `${session.principal}/${session.user}`,
      session.role,
      session.client.replace(/:\d+$/, ''),
      session.activity,
      shortTime(session.for),
      String(session.rows_per_minute),
      session.subjects ? `${session.subjects.used}/${session.subjects.of}` : '-',
      String(session.refused),
      session.statement || session.command || '',
    ].map(oneLine),
  );
  const all = [HEAD, ...rows];
  const widths = HEAD.map((_, at) =>
    at === HEAD.length - 1 ? 0 : Math.max(...all.map((row) => row[at]?.length ?? 0)),
  );
  const table = all.map((row) =>
    row.map((cell, at) => (NUMBERS.has(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join('  '),
  );
  const count = `${sessions.length} session${sessions.length === 1 ? '' : 's'}`;
  const title = `${shown(time)}  ${count}, ${active} active${busy}`;
  return [title, '', ...table].map((line) => (line.length > width ? `${line.slice(0, width - 1)}…` : line.trimEnd()));
}

function draw(screen: Screen, shownAs: Measured['shown']): void {
  const { columns = 80, rows = 24 } = process.stdout;
  const lines = linesOf(screen, shownAs, columns);
  const shown = lines.length < rows ? lines : [...lines.slice(0, rows - 2), `and ${lines.length - rows + 2} more`];
  clearScreen();
  printOut(`${shown.join('\n')}\n`);
}

/** `850ms`, `12s`, `4m`, `3h` */
function shortTime(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  if (ms < MINUTE_MS) return `${Math.floor(ms / 1_000)}s`;
  return ms < 60 * MINUTE_MS ? `${Math.floor(ms / MINUTE_MS)}m` : `${Math.floor(ms / (60 * MINUTE_MS))}h`;
}

/** q, or Ctrl-C, which a terminal in raw mode sends as a key. Returns what gives the terminal back. */
function leaveOnKey(end: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const onKey = (key: Uint8Array): void => {
    if (key[0] === 0x71 || key[0] === 0x03) end();
  };
  stdin.setRawMode(true);
  stdin.on('data', onKey);
  return () => {
    stdin.off('data', onKey);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
