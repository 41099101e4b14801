/** Where records go: a receiver of syslog or of HTTPS. */
import { Buffer } from 'node:buffer';
import type { ForwardConfig } from '../../config/forward.ts';
import { NotTaken, postRecords } from '../sending/https-post.ts';
import { sendSyslog } from '../sending/syslog-send.ts';
import { type MessageOptions, syslogOf, textOf } from './message.ts';
import type { ForwardedRecord } from './source.ts';

export interface Collector {
  /** As it is sent: what counts is how long it is. */
  message(entry: ForwardedRecord): Buffer;
  /**
   * Resolves when the collector has all of them, in this order. Rejects where that is not known: they are to be sent again. `known`: false where it
   * has not taken anything yet since it failed; then it is given more time to turn us away.
   */
  deliver(messages: readonly Buffer[], known: boolean, signal: AbortSignal): Promise<void>;
}

const SHORT_GRACE_MS = 250;

/** The receiver says that it was too much: fewer at once may pass. */
export function isTooMuch(error: unknown): boolean {
  return error instanceof NotTaken && error.status === 413;
}

export function collectorOf(destination: ForwardConfig['destination'], options: MessageOptions): Collector {
  if (destination.kind === 'https') {
    return {
      message: (entry) => Buffer.from(`${textOf(entry, options)}\n`),
      deliver: (messages, _known, signal) =>
        postRecords(destination, 'application/x-ndjson', Buffer.concat(messages), signal),
    };
  }
  const { host, port, tls, ca, cert, key } = destination;
  const receiver = { host, port, ...(tls && { tls: { ca, cert, key } }) };
  return {
    message: (entry) => syslogOf(entry, options),
    deliver: (messages, known, signal) =>
      sendSyslog(receiver, messages, { signal, ...(known && { graceMs: SHORT_GRACE_MS }) }),
  };
}
