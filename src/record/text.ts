/** The text of a record, before it is chained: JSON without its last brace, in front of which the chain puts its hash. */
import { counted } from './counted.ts';
import type { BoxWriter } from './encryption/boxes.ts';
import { addInOrder, type RecordFields, type RecordKind } from './fields.ts';
import { type ChainFields, type ChainKind, isOfChain, isOfStatement } from './kinds.ts';
import { printable } from './printable.ts';

/** What each record begins with. */
export interface Heading {
  /** ISO time. */
  readonly time: string;
  readonly guard: string;
  readonly seq: number;
  /** Bytes of torn text before it; 0: none. */
  readonly torn: number;
}

/** Throws where the fields are no JSON. */
export function recordText(
  kind: RecordKind | ChainKind,
  { time, guard, seq, torn }: Heading,
  fields: RecordFields | ChainFields,
): string {
  const record: Record<string, unknown> = { time, kind };
  if (!isOfStatement(kind)) record.guard = guard;
  record.seq = seq;
  if (torn > 0) record.torn = torn;
  if (isOfChain(kind)) Object.assign(record, fields);
  else addInOrder(record, fields as RecordFields);
  return open(record);
}

/** As short records of one moment begin. */
let beginnings = { time: '', decision: '', outcome: '' };

/** Of members that are JSON already, each behind a comma. INVARIANT: the guard itself has written every character of them. */
export function shortText(kind: 'decision' | 'outcome', { time, seq, torn }: Heading, members: string): string {
  if (time !== beginnings.time)
    beginnings = { time, decision: beginning(time, 'decision'), outcome: beginning(time, 'outcome') };
  const text = (kind === 'decision' ? beginnings.decision : beginnings.outcome) + counted(seq);
  return torn > 0 ? `${text},"torn":${torn}${members}` : text + members;
}

function beginning(time: string, kind: 'decision' | 'outcome'): string {
  return `{"time":"${time}","kind":"${kind}","seq":`;
}

/** INVARIANT: nothing of the record but its time, guard and number is written in the clear. Throws where the file has no key. */
export function boxedText(body: string, { time, guard, seq, torn }: Heading, boxes: BoxWriter | undefined): string {
  if (!boxes) throw new Error('the file has no key');
  const lost = torn > 0 ? { torn } : {};
  return open({ time, guard, seq, ...lost, box: boxes.box(`${body}}`, { guard, seq }) });
}

function open(record: object): string {
  return printable(JSON.stringify(record)).slice(0, -1);
}
