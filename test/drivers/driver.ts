/** A driver: a program that takes the steps of `steps.ts` and prints a line of JSON for each. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Need } from '../support/tools.ts';

/** libpq's variables (PGHOST, PGSSLMODE, …), the same as ROWGATE_URL, and ROWGATE_DRIVER. */
export type Environment = Readonly<Record<string, string>>;

export interface Driver {
  /** The name in `outcomes.md`. */
  readonly name: string;
  readonly language: string;
  readonly needs: Need;
  /** Further steps of its own: the heading, by the step's name. */
  readonly also?: Readonly<Record<string, string>>;
  /** The results for the role `reader`, where they differ from those of an unrestricted one. */
  readonly alsoRestricted?: Readonly<Record<string, unknown>>;
  /** The driver's needs and differences, as `outcomes.md` lists them; absent: none. */
  readonly note?: string;
  /** Compiles the program, once before it runs; absent: there is nothing to compile. */
  build?(): Promise<void>;
  /** Takes all steps, and gives what was printed. Throws where the program fails. */
  run(env: Environment): Promise<string>;
}

/** A step's outcome. */
export type Outcome = { readonly result: unknown } | { readonly lacks: string } | { readonly failed: string };

/** By step, in the order in which they were taken. */
export type Outcomes = Readonly<Record<string, Outcome>>;

/** Runs the driver's program. Throws where it prints anything else than steps. */
export async function takeSteps(driver: Driver, env: Environment): Promise<Outcomes> {
  const printed = await driver.run({ ...env, ROWGATE_DRIVER: driver.name });
  const outcomes: Record<string, Outcome> = {};
  for (const line of printed.trimEnd().split('\n')) {
    const { step, ...outcome } = JSON.parse(line) as { step: string } & Outcome;
    if (step in outcomes) throw new Error(`${driver.name} took the step "${step}" twice`);
    outcomes[step] = outcome;
  }
  return outcomes;
}

const HERE = import.meta.dirname;
const TIME_LIMIT_MS = 60_000;

/** Runs a program of this folder; `args` that begin with `./` are its files. Gives its standard output; throws, with its standard error, where it fails. */
export function runProgram(command: string, args: readonly string[], env: Environment): Promise<string> {
  const inFolder = args.map((arg) => (arg.startsWith('./') ? resolve(HERE, arg) : arg));
  return new Promise((done, fail) => {
    const child = spawn(command, inFolder, {
      cwd: HERE,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C.UTF-8', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIME_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.on('error', fail);
    child.on('close', (status, signal) => {
      const stdout = Buffer.concat(out).toString();
      if (status === 0) done(stdout);
      else fail(new Error(`${command} ended with ${status ?? signal}:\n${Buffer.concat(errors)}${stdout}`));
    });
  });
}
