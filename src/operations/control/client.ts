/** Asks a running guard over its control socket. */
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { showProof } from './proof.ts';
import { type ControlReply, failed, greeting, PROTOCOL_VERSION, parseJson } from './protocol.ts';

/** Reloading a large catalog takes long. */
const ANSWER_MS = 120_000;

/** No running guard could be reached. */
export class NoGuard extends Error {}

export interface ControlQuestion {
  readonly command: string;
  /** A function if the arguments depend on the guard's time zone. */
  readonly arguments: Given | ((timeZone: string) => Given);
  /** The user who called sudo. */
  readonly behalf?: string;
}

type Given = Readonly<Record<string, unknown>>;

/** `timeZone`: the guard's. */
export type ControlAnswer = ControlReply & { readonly timeZone: string };

/** Throws NoGuard. */
export async function askGuard(socketPath: string, question: ControlQuestion): Promise<ControlAnswer> {
  const socket = createConnection(socketPath);
  const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), ANSWER_MS);
  let takeAway = (): void => {};
  try {
    await new Promise<void>((done, fail) => {
      socket.once('connect', done);
      socket.once('error', fail);
    });
    const broken = new Promise<never>((_, fail) => {
      socket.on('error', fail);
      socket.once('close', () => fail(new Error('the connection was closed without an answer')));
    });
    broken.catch(() => {});
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => {
      const line = await Promise.race([lines.next(), broken]);
      return line.done ? undefined : parseJson(line.value);
    };
    const hello = greeting.safeParse(await next());
    if (!hello.success) throw new Error('what answers there is no rowgate of this version');
    takeAway = showProof(socketPath, hello.data.challenge);
    const { timeZone } = hello.data;
    const given = typeof question.arguments === 'function' ? question.arguments(timeZone) : question.arguments;
    const request = { ...question, arguments: given };
    socket.write(`${JSON.stringify({ version: PROTOCOL_VERSION, ...request })}\n`);
    const reply = (await next()) as ControlReply | undefined;
    if (reply?.version === PROTOCOL_VERSION) return { ...reply, timeZone };
    return { ...failed('failed', 'the answer is not one of this version of rowgate'), timeZone };
  } catch (error) {
    throw new NoGuard(`could not ask the guard at ${socketPath}: ${reasonOf(error)}`);
  } finally {
    takeAway();
    clearTimeout(timer);
    socket.destroy();
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return 'no guard runs there';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return message;
}
