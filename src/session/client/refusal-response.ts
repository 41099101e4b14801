/** A refusal as the ErrorResponse that the client sees. */
import type { Buffer } from 'node:buffer';
import { type Refusal, refusal } from '../../core/refusal.ts';
import { errorResponse } from '../../protocol/error-response.ts';

/** PostgreSQL's message, which tells drivers to prepare a statement again; it contains no value. */
export const CACHED_PLAN = 'cached plan must not change result type';

/** What PostgreSQL says when a prepared statement's columns changed: drivers know to prepare it again. */
export function cachedPlanChanged(): Refusal {
  return refusal('unsupported', '0A000', CACHED_PLAN);
}

/** @param decision its id in the log; undefined for an error that PostgreSQL would have sent itself. */
export function refusalResponse(refusal: Refusal, decision?: string): Buffer {
  const fields = new Map([
    ['S', refusal.severity],
    ['V', refusal.severity],
    ['C', refusal.sqlstate],
    ['M', refusal.message],
  ]);
  const detail = [refusal.detail, decision && reference(decision, refusal.rule)].filter(Boolean).join(' ');
  if (detail !== '') fields.set('D', detail);
  if (refusal.hint !== undefined) fields.set('H', refusal.hint);
  if (refusal.position !== undefined) fields.set('P', String(refusal.position));
  // pgjdbc and Npgsql look at the routine to tell this 0A000 from others.
  if (refusal.message === CACHED_PLAN) fields.set('R', 'RevalidateCachedQuery');
  return errorResponse(fields);
}

function reference(decision: string, rule: string | undefined): string {
  return rule === undefined ? `Decision ${decision}.` : `Decision ${decision}, rule ${rule}.`;
}
