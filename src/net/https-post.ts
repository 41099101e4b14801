/** One POST over HTTPS to a receiver of records or alarms. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface HttpsReceiver {
  /** `http:` is only for a receiver on this machine; the configuration is checked for that. */
  readonly url: string;
  /** PEM files, read again for each request. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** In addition to those that describe the body. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The receiver answered, but not with success. */
export class NotTaken extends Error {
  constructor(readonly status: number) {
    super(`the receiver answers ${status}`);
  }
}

const WITHIN_MS = 30_000;

/** Resolves when the receiver answers with any 2xx status. Rejects otherwise; redirects are not followed. `signal` aborts at once. */
export function post(
  receiver: HttpsReceiver,
  type: string,
  body: string | Buffer,
  signal?: AbortSignal,
  withinMs = WITHIN_MS,
): Promise<void> {
  const { url, ca, cert, key, headers } = receiver;
  return new Promise((done, fail) => {
    const options = {
      method: 'POST',
      agent: false,
      signal: AbortSignal.any([AbortSignal.timeout(withinMs), ...(signal ? [signal] : [])]),
      headers: {
        'content-type': type,
        'content-length': Buffer.byteLength(body),
        'user-agent': 'rowgate',
        ...headers,
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
      // Only the status matters.
      response.on('error', () => {});
      response.destroy();
      if (statusCode >= 200 && statusCode < 300) done();
      else fail(new NotTaken(statusCode));
    });
    request.end(body);
  });
}
