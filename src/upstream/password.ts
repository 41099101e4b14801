/** The password of an account at the server: one that is configured, or what a command says, remembered for a while. */
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** Where it comes from. The command is a program and its arguments, run without a shell; its output is the password. */
export type PasswordSource =
  | string
  | {
      readonly command: PasswordCommand;
      /** How long what it said is used. */
      readonly ttlMs: number;
    };

export type PasswordCommand = readonly [string, ...string[]];

/** The command gave none. Its message never holds what the command said. */
export class NoPassword extends Error {
  constructor(
    message: string,
    /** It will be no other in a moment: the program is not there. */
    readonly lasting: boolean,
  ) {
    super(message);
  }
}

export interface Password {
  readonly text: string | undefined;
  /** The server would not have it. True where another one may be had: ask again. */
  refused(): boolean;
}

const TIME_LIMIT_MS = 10_000;
/** Tokens of clouds have a few thousand characters. */
const MOST_CHARACTERS = 64 * 1024;
/** So long no second process is started, whatever the first has said: a storm of logins is not one of processes. */
const AT_LEAST_MS = 1_000;

interface Said {
  readonly text: Promise<string>;
  readonly at: number;
}

/** By source: an account that has been configured anew begins anew. */
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
      // Somebody else has asked meanwhile: theirs will do.
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
 * Neither what it writes nor its arguments get into the error, which is logged. One that takes too long or says too much is
 * ended, with all that it has started.
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
        // it has ended
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
