/** One POST over HTTPS to a receiver of records. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface HttpsReceiver {
  /** `http:` is for a receiver on this machine: who may say so is decided where it is configured. */
  readonly url: string;
  /** PEM files, read anew each time. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The header of that name. */
  readonly authorization?: string | undefined;
}

/** What the receiver answered, where it was not that it has taken it. */
export class NotTaken extends Error {
  constructor(readonly status: number) {
    super(`the receiver answers ${status}`);
  }
}

const WITHIN_MS = 30_000;

/** Resolves where the receiver has taken it: any 2xx. Rejects otherwise; redirects are not followed. `signal`: ends it at once. */
export function postRecords(
  receiver: HttpsReceiver,
  type: string,
  body: string | Buffer,
  signal?: AbortSignal,
  withinMs = WITHIN_MS,
): Promise<void> {
  const { url, ca, cert, key, authorization } = receiver;
  return new Promise((done, fail) => {
    const options = {
      method: 'POST',
      agent: false,
      signal: AbortSignal.any([AbortSignal.timeout(withinMs), ...(signal ? [signal] : [])]),
      headers: {
        'content-type': type,
        'content-length': Buffer.byteLength(body),
        'user-agent': 'rowgate',
        ...(authorization !== undefined && { authorization }),
      },
    };
    const request = url.startsWith('https:')
      ? requestHttps(url, {
          ...options,
          ...(ca !== undefined && { ca: readFileSync(ca) }),
          ...(cert !== undefined && { cert: readFileSync(cert) }),
          ...(key !== undefined && { key: readFileSync(key) }),
        })
      : requestHttp(url, options);
    request.on('error', fail);
    request.once('response', (response) => {
      const { statusCode = 0 } = response;
      // Whatever it says beside its status is of no interest.
      response.on('error', () => {});
      response.destroy();
      if (statusCode >= 200 && statusCode < 300) done();
      else fail(new NotTaken(statusCode));
    });
    request.end(body);
  });
}
