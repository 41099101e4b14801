/** The password of an account at the server: a configured one, or a command's output, cached for a while. */
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** The source of a password. A command is a program and its arguments, run without a shell; its output is the password. */
export type PasswordSource =
  | string
  | {
      readonly command: PasswordCommand;
      /** How long the output is used. */
      readonly ttlMs: number;
    };

export type PasswordCommand = readonly [string, ...string[]];

/** The command returned no password. The message never quotes its output. */
export class NoPassword extends Error {
  constructor(
    message: string,
    /** Trying again soon would not help: the program does not exist. */
    readonly lasting: boolean,
  ) {
    super(message);
  }
}

export interface Password {
  readonly text: string | undefined;
  /** The server refused the password. True if another one may be available: ask again. */
  refused(): boolean;
}

const TIME_LIMIT_MS = 10_000;
/** Tokens of clouds have a few thousand characters. */
const MOST_CHARACTERS = 64 * 1024;
/** The command runs at most once in this time, whatever it returned: many logins must not start many processes. */
const AT_LEAST_MS = 1_000;

interface Said {
  readonly text: Promise<string>;
  readonly at: number;
}

/** By source: a changed configuration starts afresh. */
const remembered = new WeakMap<object, Said>();

/** The password to log in with now. Throws NoPassword. @param now monotonic milliseconds */
export async function passwordFrom(
  source: PasswordSource | undefined,
  now: () => number = () => performance.now(),
): Promise<Password> {
  if (typeof source !== 'object') return { text: source, refused: () => false };
  let said = remembered.get(source);
  if (!said || now() - said.at >= source.ttlMs) {
    said = { text: run(source.command), at: now() };
    remembered.set(source, said);
    const began = said;
    began.text.catch(() => setTimeout(() => forget(source, began), AT_LEAST_MS).unref());
  }
  const used = said;
  return {
    text: await used.text,
    refused: () => {
      // Another login has run the command meanwhile: its result is used.
      if (remembered.get(source) !== used) return true;
      if (now() - used.at < AT_LEAST_MS) return false;
      forget(source, used);
      return true;
    },
  };
}

function forget(source: object, said: Said): void {
  if (remembered.get(source) === said) remembered.delete(source);
}

/**
 * Errors are logged, so they contain neither the command's output nor its arguments. A command that takes too long or prints too much is killed,
 * together with its child processes.
 */
function run([program, ...args]: PasswordCommand): Promise<string> {
  return new Promise((done, failed) => {
    const no = (why: string, lasting = false) => failed(new NoPassword(`upstream.password_command ${why}`, lasting));
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    const end = (why: string): void => {
      no(why);
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // already ended
      }
    };
    const timer = setTimeout(() => end(`has not ended in ${TIME_LIMIT_MS / 1000} seconds`), TIME_LIMIT_MS);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      said += more;
      if (said.length > MOST_CHARACTERS) end(`said more than ${MOST_CHARACTERS} characters`);
    });
    child.once('error', (error: NodeJS.ErrnoException) => no(`could not be run (${error.code ?? error.name})`, true));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const text = said.trim();
      if (code !== 0) no(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
      else if (text === '') no('said nothing');
      else if (/[\n\0]/.test(text)) no('said more than one line');
      else done(text);
    });
  });
}
