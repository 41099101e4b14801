/** Reads a JWK set from a file or an address. */
import { Buffer } from 'node:buffer';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isKeysAddress } from '../policy/compile/tokens.ts';
import type { KeyTimes } from './key-source.ts';

const MOST_BYTES = 256 * 1024;
const WITHIN_MS = 5_000;

const OF_FILES: KeyTimes = { refresh: 1_000, wait: 3_000, retry: 1_000, keep: Number.POSITIVE_INFINITY };
const OF_ADDRESSES: KeyTimes = { refresh: 300_000, wait: 600_000, retry: 10_000, keep: 24 * 3_600_000 };

export interface KeysPlace {
  readonly times: KeyTimes;
  /** Rejects with words for the operator. */
  read(): Promise<string>;
}

/** @param keys as in `TokenRule.keys`; @param folder the policies folder. */
export function keysPlace(keys: string, folder: string): KeysPlace {
  if (isKeysAddress(keys)) return { times: OF_ADDRESSES, read: () => fetchText(keys) };
  return { times: OF_FILES, read: () => readText(resolve(folder, keys)) };
}

async function readText(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MOST_BYTES + 1), 0, MOST_BYTES + 1, 0);
    return textOf(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

async function fetchText(address: string): Promise<string> {
  const headers = {
    accept: 'application/jwk-set+json, application/json',
    'user-agent': 'rowgate',
    connection: 'close', // the next request comes minutes later
  };
  // Redirects are not followed: the keys must come from the address that the policy names.
  const answer = await fetch(address, { headers, redirect: 'manual', signal: AbortSignal.timeout(WITHIN_MS) }).catch(
    (error: unknown) => {
      throw new Error(reasonOf(error));
    },
  );
  if (answer.status !== 200 || !answer.body) {
    await answer.body?.cancel();
    throw new Error(`the address answers ${answer.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > MOST_BYTES) break; // leaving the loop cancels the rest of the response
    chunks.push(chunk);
  }
  return textOf(size > MOST_BYTES ? Buffer.alloc(size) : Buffer.concat(chunks));
}

function textOf(bytes: Uint8Array): string {
  if (bytes.length > MOST_BYTES) throw new Error(`longer than ${MOST_BYTES} bytes`);
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** The message `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
