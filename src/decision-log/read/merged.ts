/** Merges records of several chains by time; each chain is read only as far as needed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogRecord } from '../fields.ts';
import type { ChainReader } from './chain-reader.ts';

interface Head {
  readonly reader: ChainReader;
  records: readonly LogRecord[];
  at: number;
}

/** Between checks for new records. */
const POLL_MS = 200;

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Readers of new chains: a worker has written its first record. */
  readonly more: () => readonly ChainReader[];
}

/** Each chain keeps its order; of the next records, the earliest comes first. With `follow`, it continues until the signal. */
export async function* merged(readers: readonly ChainReader[], follow?: FollowOptions): AsyncGenerator<LogRecord> {
  const heads: Head[] = readers.map((reader) => ({ reader, records: [], at: 0 }));
  for (;;) {
    const last = !follow || follow.signal.aborted;
    await Promise.all(heads.map(fill));
    yield* inOrder(heads);
    if (last) break;
    await sleep(POLL_MS, undefined, { signal: follow.signal }).catch(() => {});
    heads.push(...follow.more().map((reader) => ({ reader, records: [], at: 0 })));
  }
  for (const head of heads) {
    head.records = await head.reader.end();
    head.at = 0;
  }
  yield* inOrder(heads);
}

async function* inOrder(heads: readonly Head[]): AsyncGenerator<LogRecord> {
  for (;;) {
    let first: Head | undefined;
    for (const head of heads) {
      if (head.at < head.records.length && (!first || timeOf(head) < timeOf(first))) first = head;
    }
    if (!first) return;
    yield first.records[first.at] ?? {};
    first.at += 1;
    if (first.at === first.records.length) await fill(first);
  }
}

async function fill(head: Head): Promise<void> {
  if (head.at < head.records.length) return;
  head.records = (await head.reader.next()) ?? [];
  head.at = 0;
}

function timeOf({ records, at }: Head): string {
  return String(records[at]?.time);
}
