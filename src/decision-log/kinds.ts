/** How the log treats its kinds of records. */
import type { RetentionFields, SealFields, SegmentFields } from './chain/seal.ts';
import type { RecordKind } from './fields.ts';

/** Records about the log itself. */
export type ChainKind = 'segment' | 'seal' | 'retention';
export type ChainFields = SegmentFields | SealFields | RetentionFields;

/** Frequent records of sessions. With `strict`, acting on one of them requires waiting until it is on disk. */
export const GROUPED: ReadonlySet<RecordKind | ChainKind> = new Set([
  'decision',
  'outcome',
  'seen',
  'statement',
  'catalog',
  'login',
  'login-refused',
  'seal',
]);

export function isOfChain(kind: RecordKind | ChainKind): kind is ChainKind {
  return kind === 'segment' || kind === 'seal' || kind === 'retention';
}

/** Held until the end of the event loop's turn, to be written together with others. */
export function isOfStatement(kind: RecordKind | ChainKind): boolean {
  return kind === 'decision' || kind === 'outcome';
}
