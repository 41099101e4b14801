/** Where records are sent: a receiver of syslog or HTTPS. */
import { Buffer } from 'node:buffer';
import type { ForwardConfig } from '../../config/forward.ts';
import { NotTaken, post } from '../../net/https-post.ts';
import { sendSyslog } from '../sending/syslog-send.ts';
import { type MessageOptions, syslogOf, textOf } from './message.ts';
import type { ForwardedRecord } from './source.ts';

export interface Collector {
  /** In its final form, whose length counts. */
  message(entry: ForwardedRecord): Buffer;
  /**
   * Resolves when the collector has all of them, in this order. Rejects if that is not known: they must be sent again. `known`: false until it has
   * accepted something since its last failure; it then gets more time to refuse.
   */
  deliver(messages: readonly Buffer[], known: boolean, signal: AbortSignal): Promise<void>;
}

const SHORT_GRACE_MS = 250;

/** The receiver says that it was too much: fewer at once may be accepted. */
export function isTooMuch(error: unknown): boolean {
  return error instanceof NotTaken && error.status === 413;
}

/** The sender for the configured destination, with its message format. */
export function collectorOf(destination: ForwardConfig['destination'], options: MessageOptions): Collector {
  if (destination.kind === 'https') {
    const { authorization } = destination;
    const receiver = { ...destination, ...(authorization !== undefined && { headers: { authorization } }) };
    return {
      message: (entry) => Buffer.from(`${textOf(entry, options)}\n`),
      deliver: (messages, _known, signal) => post(receiver, 'application/x-ndjson', Buffer.concat(messages), signal),
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
