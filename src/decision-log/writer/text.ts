/** The text of a record before it is chained: JSON without its last brace, which the chain appends together with the hash. */

import type { BoxWriter } from '../encryption/boxes.ts';
import { fieldsInOrder, type RecordFields, type RecordKind } from '../fields.ts';
import type { ChainFields, ChainKind } from '../kinds.ts';
import { printable } from '../printable.ts';
import { numberText } from './number-text.ts';

/** The beginning of each record. */
export interface RecordHeading {
  /** ISO 8601 time. */
  readonly time: string;
  readonly guard: string;
  readonly seq: number;
  /** Bytes of incomplete text before it; 0: none. */
  readonly torn: number;
}

/** The guard's name as JSON, cached: mostly that of the record before. */
let named = { guard: '', text: '""' };

/** @param members JSON, each preceded by a comma. */
export function recordText(kind: RecordKind | ChainKind, heading: RecordHeading, members: string): string {
  const { time, guard, seq, torn } = heading;
  if (guard !== named.guard) named = { guard, text: json(guard) };
  const lost = torn > 0 ? `,"torn":${torn}` : '';
  return `{"time":"${time}","kind":"${kind}","guard":${named.text},"seq":${numberText(seq)}${lost}${members}`;
}

/** A record's fields in the log's order: JSON, each preceded by a comma. Throws if they cannot be written as JSON. */
export function membersText(fields: RecordFields): string {
  return chainMembersText(fieldsInOrder(fields));
}

/** The same for fields that are in order. */
export function chainMembersText(fields: ChainFields | Readonly<Record<string, unknown>>): string {
  const object = json(fields);
  return object === '{}' ? '' : `,${object.slice(1, -1)}`;
}

/** Only the time, guard and number of the record are in the clear. Throws if the file has no key. */
export function boxedText(
  body: string,
  { time, guard, seq, torn }: RecordHeading,
  boxes: BoxWriter | undefined,
): string {
  if (!boxes) throw new Error('the file has no key');
  const lost = torn > 0 ? { torn } : {};
  return json({ time, guard, seq, ...lost, box: boxes.box(`${body}}`, { guard, seq }) }).slice(0, -1);
}

/** Harmless to a terminal. */
export function json(value: unknown): string {
  return printable(JSON.stringify(value));
}
