/** The result of a statement's estimate. */
import type { Refusal } from '../core/refusal.ts';
import type { PlanRows } from './plan/plan-rows.ts';

export type EstimatedStatement =
  | { readonly kind: 'rows'; readonly rows: PlanRows }
  /** There is nothing to estimate; or the server will refuse the statement itself, and its error is the one to show. */
  | { readonly kind: 'passes' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export type Estimated = EstimatedStatement | 'wait';
