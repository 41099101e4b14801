/** What the commands to a running guard share: where it is, how it is asked, and what a refusal looks like. */
import type { Command } from 'commander';
import { oneLine, printError, printExactly, printOut } from '../app/print.ts';
import { controlPath } from '../config/control-path.ts';
import { askGuard, type ControlQuestion, NoGuard } from '../operations/control/client.ts';
import { shownTime } from '../policy/source/calendar.ts';
import { readDuration } from '../policy/source/quantity.ts';

export interface GuardCommandOptions {
  readonly config: string;
  readonly socket?: string;
  readonly json?: boolean;
}

export const EXIT_CODES =
  'Exit code: 0 where it was done, 1 where it was refused or failed, 2 for a wrong call or where no guard answers.';

/** With the options by which a guard is found. */
export function toGuard(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration of the guard', 'rowgate.yaml')
    .option('--socket <path>', 'its control socket, where the configuration is not at hand')
    .option('--json', 'one JSON object on standard output');
}

export interface GuardAnswer<T> {
  readonly answer: T;
  /** An ISO time, in the time zone of the guard. */
  shown(iso: string): string;
}

/** The guard's answer. Undefined if there is none: the problem was printed and the exit code is set. */
export async function ask<T>(
  options: GuardCommandOptions,
  command: string,
  given: ControlQuestion['arguments'],
): Promise<GuardAnswer<T> | undefined> {
  const place = options.socket === undefined ? controlPath(options.config, process.env) : { path: options.socket };
  if ('problem' in place) return failed(2, place.problem);
  const behalf = process.getuid?.() === 0 ? process.env.SUDO_USER : undefined;
  try {
    const reply = await askGuard(place.path, {
      command,
      arguments: given,
      ...(behalf !== undefined && behalf !== 'root' && { behalf }),
    });
    if (reply.ok) return { answer: reply.result as T, shown: (iso) => shownTime(iso, reply.timeZone) };
    const { kind, message, hint } = reply.error;
    return failed(kind === 'call' ? 2 : 1, message, hint);
  } catch (error) {
    if (error instanceof NoGuard) return failed(2, error.message);
    throw error;
  }
}

/** Prints the answer: as it is, or in words. */
export function print(options: GuardCommandOptions, answer: unknown, words: () => string): void {
  printOut(options.json ? `${JSON.stringify(answer)}\n` : words());
}

/** What is to be signed, to the letter. */
export function printToSign(options: GuardCommandOptions, asked: { readonly text?: string }): void {
  if (options.json) print(options, asked, () => '');
  else printExactly(asked.text ?? '');
}

/** Prints the problem and sets the exit code. */
export function failed(exitCode: 1 | 2, message: string, hint?: string): undefined {
  printError(`rowgate: ${oneLine(message)}\n${hint === undefined ? '' : `hint: ${oneLine(hint)}\n`}`);
  process.exitCode = exitCode;
  return undefined;
}

/** `2h`, `30 minutes`: in milliseconds. Ends the command if the text is not a duration. */
export function duration(command: Command, option: string, text: string): number {
  const reading = readDuration(text);
  if ('value' in reading) return reading.value;
  return command.error(`error: ${option}: expected ${reading.expected}, found "${text}"`, { exitCode: 2 });
}

/** Pads columns to their widest cell; on a terminal, lines are cut to its width. */
export function table(
  values: readonly (readonly string[])[],
  { isTTY, columns }: { readonly isTTY?: boolean; readonly columns?: number } = process.stdout,
): string {
  const most = isTTY && columns ? columns : Number.POSITIVE_INFINITY;
  const rows = values.map((row) => row.map(oneLine));
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line.length > most ? `${line.slice(0, most - 1)}…` : line}\n`)
    .join('');
}

export interface OfUser {
  readonly user?: string;
}

/** Its first argument and an option. */
export function aboutHolder(command: Command): Command {
  return command
    .argument('<principal>', 'or a person behind one, as portal/7731')
    .option('--user <name>', 'the person behind it, where the name of the principal holds a / itself');
}

/** As the guard is asked. */
export function saidHolder(principal: string, { user }: OfUser): { readonly principal: string } & OfUser {
  return { principal, ...(user !== undefined && { user }) };
}
