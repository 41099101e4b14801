/** What verification reads of a line after its beginning: its hash and, of records about the chain itself, everything. */
import { Buffer } from 'node:buffer';
import { z } from 'zod';
import type { RetentionFields, SealFields, SegmentFields } from '../chain/seal.ts';

/** `,"hash":"…"}`, see decision-log/chain/chain.ts. */
export const TAIL = 54;
const HASH = 43;
const HASH_FIELD = Buffer.from(',"hash":"');

/** The hash at the end of a line; undefined if there is none. */
export function hashAtEnd(bytes: Buffer, start: number, end: number): string | undefined {
  const at = end - TAIL;
  if (at <= start || bytes[end - 2] !== 0x22 || bytes[end - 1] !== 0x7d) return undefined;
  if (HASH_FIELD.compare(bytes, at, at + HASH_FIELD.length) !== 0) return undefined;
  return bytes.toString('latin1', end - 2 - HASH, end - 2);
}

/** Whether a line that ends in a hash is a complete record: a seal contains hashes, and if it breaks off after one it ends like a record. */
export function isWhole(bytes: Buffer, start: number, end: number): boolean {
  try {
    JSON.parse(bytes.toString('utf8', start, end));
    return true;
  } catch {
    return false;
  }
}

const number = z.int().min(1);
const text = z.string().max(4096);
const head = { seq: number, hash: text };

const seal = z.object({
  guard: text,
  chain: text,
  seal: number,
  of: z.object(head),
  at: text,
  beside: z.record(text, z.object({ chain: text, ...head })).optional(),
  key: text,
  signature: text,
});

const segment = z.object({
  chain: text,
  format: z.literal(1),
  previous: z.object({ file: text, ...head }).optional(),
  sealed_by: text,
  seals: z.int().min(0),
});

const retention = z.object({ file: text, first: number, last: number, head: text });

export type SealRecord = SealFields & { readonly guard: string };

/** Of a seal or an anchor. Undefined if it is neither. */
export function readSeal(json: string): SealRecord | undefined {
  return read(seal, json) as SealRecord | undefined;
}

/** Undefined if the record is not a `segment`. */
export function readSegment(json: string): SegmentFields | undefined {
  return read(segment, json) as SegmentFields | undefined;
}

/** The same of a record that was parsed. */
export function segmentIn(record: unknown): SegmentFields | undefined {
  return segment.safeParse(record).data as SegmentFields | undefined;
}

/** Undefined if the record is not a `retention`. */
export function readRetention(json: string): RetentionFields | undefined {
  return read(retention, json);
}

function read<T>(schema: z.ZodType<T>, json: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}
