/** What the log tells its kinds of records apart by. */
import type { RetentionFields, SealFields, SegmentFields } from './chain/seal.ts';
import type { RecordKind } from './fields.ts';

/** Of the log itself. */
export type ChainKind = 'segment' | 'seal' | 'retention';
export type ChainFields = SegmentFields | SealFields | RetentionFields;

/** What sessions write many of. Whoever acts on one of them by `strict` asks whether it has reached the disk. */
export const GROUPED: ReadonlySet<RecordKind | ChainKind> = new Set([
  'decision',
  'outcome',
  'seen',
  'login',
  'login-refused',
  'seal',
]);

export function isOfChain(kind: RecordKind | ChainKind): kind is ChainKind {
  return kind === 'segment' || kind === 'seal' || kind === 'retention';
}

/** Held until the end of the turn, to be written with others. */
export function isOfStatement(kind: RecordKind | ChainKind): boolean {
  return kind === 'decision' || kind === 'outcome';
}
