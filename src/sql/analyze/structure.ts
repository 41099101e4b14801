/** What is known of an expression without a look at what it runs: nothing, or that it is structure. */
import type { Oid } from '../catalog/catalog.ts';
import * as t from '../types/oids.ts';
import type { Expression } from './range-table.ts';

/** An expression about which nothing is known. */
export const UNTOLD: Expression = { type: t.UNTELLABLE, leakproof: false, constant: false, barrier: 'none' };

/** Structure that computes nothing which could fail. */
export function structure(type: Oid, parts: readonly Expression[] = []): Expression {
  return { type, leakproof: true, constant: parts.every((p) => p.constant), barrier: 'none' };
}
