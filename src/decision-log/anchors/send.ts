/** Sends an anchor out of the guard: by HTTPS, syslog, or to a file. */
import { Buffer } from 'node:buffer';
import { open } from 'node:fs/promises';
import { post } from '../../net/https-post.ts';
import type { Anchor } from '../chain/seal.ts';
import { syslogFrame } from '../sending/syslog-message.ts';
import { sendSyslog } from '../sending/syslog-send.ts';

export type AnchorDestination = (
  | { readonly kind: 'https'; readonly url: string }
  | { readonly kind: 'syslog'; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly kind: 'file'; readonly path: string }
) & {
  /** PEM file. */
  readonly ca?: string;
};

const WITHIN_MS = 10_000;
const LINE_END = 0x0a;

/** Resolves when the receiver has it. Rejects if it may not have it; `signal` aborts. */
export function sendAnchor(destination: AnchorDestination, anchor: Anchor, signal: AbortSignal): Promise<void> {
  const text = JSON.stringify(anchor);
  const { ca } = destination;
  switch (destination.kind) {
    case 'https':
      return post({ url: destination.url, ca }, 'application/json', `${text}\n`, signal, WITHIN_MS);
    case 'syslog': {
      const { host, port, tls } = destination;
      const message = {
        time: anchor.at,
        severity: 'notice',
        host: anchor.guard,
        id: 'anchor',
        data: {},
        text,
      } as const;
      return sendSyslog({ host, port, ...(tls && { tls: { ca } }) }, [syslogFrame(message)], {
        quietMs: WITHIN_MS,
        signal,
      });
    }
    case 'file':
      return appendLine(destination.path, text);
  }
}

/** In one write: several workers append to the same file. */
async function appendLine(path: string, text: string): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    // Begins on a new line if the last one is incomplete.
    const start = size > 0 && last[0] !== LINE_END ? '\n' : '';
    await file.write(`${start}${text}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
}
