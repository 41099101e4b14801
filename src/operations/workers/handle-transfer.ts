/**
 * Connections on their way from the primary to a worker. Node's cluster closes its copy of one when the worker says that it has it:
 * where the worker dies before, nobody would, and the client would wait for ever.
 */
import type { Worker } from 'node:cluster';

interface NewConnection {
  readonly cmd?: unknown;
  readonly act?: unknown;
  /** Of the address on which it came. */
  readonly key?: unknown;
}

interface Closable {
  close(): void;
}

/** Watches what is handed to a worker; returns how to close what it has not taken, for when it has ended. */
export function watchHandleTransfer(worker: Worker): () => void {
  // Of each address one at a time is on its way: the next one follows when the worker has taken it.
  const underway = new Map<unknown, Closable>();
  const { process } = worker;
  const send = process.send as (...args: unknown[]) => boolean;
  process.send = ((...args: unknown[]) => {
    const [message, handle] = args as [NewConnection | undefined, Closable | undefined];
    if (message?.cmd === 'NODE_CLUSTER' && message.act === 'newconn' && handle) underway.set(message.key, handle);
    return send.apply(process, args);
  }) as typeof process.send;
  return () => {
    // What was taken in time is closed already, and closing it again does nothing.
    for (const handle of underway.values()) handle.close();
    underway.clear();
  };
}
