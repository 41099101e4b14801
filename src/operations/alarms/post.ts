/** One POST to the receiver of alarms. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { signatureOf } from './message.ts';

export interface Receiver {
  readonly url: string;
  readonly secret?: string;
  /** PEM file. */
  readonly ca?: string;
}

const WITHIN_MS = 10_000;
/** What the receiver says of the message itself, and not of its own state: another one may pass. */
const OF_THE_MESSAGE: ReadonlySet<number> = new Set([400, 413, 422]);

/** The receiver does not take this message. */
export class MessageRefused extends Error {}

/** Resolves where the receiver has taken it: any 2xx. Rejects with why it has not; redirects are not followed. */
export function post({ url, secret, ca }: Receiver, body: string, now: number): Promise<void> {
  const timestamp = String(Math.floor(now / 1000));
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'rowgate',
    'rowgate-timestamp': timestamp,
    ...(secret !== undefined && { 'rowgate-signature': signatureOf(secret, timestamp, body) }),
  };
  return new Promise((done, fail) => {
    const options = { method: 'POST', headers, agent: false, signal: AbortSignal.timeout(WITHIN_MS) };
    const request = url.startsWith('https:')
      ? requestHttps(url, { ...options, ...(ca !== undefined && { ca: readFileSync(ca) }) })
      : requestHttp(url, options);
    request.on('error', fail);
    request.once('response', (response) => {
      const { statusCode = 0 } = response;
      // Whatever it says beside its status is of no interest.
      response.on('error', () => {});
      response.destroy();
      if (statusCode >= 200 && statusCode < 300) done();
      else fail(new (OF_THE_MESSAGE.has(statusCode) ? MessageRefused : Error)(`the receiver answers ${statusCode}`));
    });
    request.end(body);
  });
}
