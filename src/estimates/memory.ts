/** What is remembered of estimates: of shapes that are points whatever their values are, and of statements with their values. Bounded. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Sent } from '../session/admission/budget-port.ts';
import type { EstimatedStatement } from './estimated.ts';
import type { PlanRows } from './plan/plan-rows.ts';

const MOST_STATEMENTS = 5000;
const MOST_SHAPES = 5000;
/** Tables grow: after that the planner is asked again. */
const REFRESHED_MS = 10 * 60_000;
/** Of what could not be told: long enough for whoever asked to hear it. */
const FAILED_MS = 1000;

export class EstimateMemory {
  /** By a digest of text, values and what else makes the estimate. */
  private readonly statements = new LRUCache<string, { readonly answer: EstimatedStatement; readonly until: number }>({
    max: MOST_STATEMENTS,
  });
  private readonly shapes = new LRUCache<string, { readonly point: PlanRows | 'varies'; readonly until: number }>({
    max: MOST_SHAPES,
  });

  constructor(private readonly now: () => number) {}

  statement(key: string): EstimatedStatement | undefined {
    const known = this.statements.get(key);
    return known && known.until > this.now() ? known.answer : undefined;
  }

  learn(key: string, answer: EstimatedStatement): void {
    const lasts = answer.kind === 'rows' ? REFRESHED_MS : FAILED_MS;
    this.statements.set(key, { answer, until: this.now() + lasts });
  }

  shape(key: string): PlanRows | 'varies' | undefined {
    const known = this.shapes.get(key);
    return known && known.until > this.now() ? known.point : undefined;
  }

  learnShape(key: string, point: PlanRows | 'varies'): void {
    this.shapes.set(key, { point, until: this.now() + REFRESHED_MS });
  }
}

/** Everything that the estimate follows from. */
export function keyOfStatement({ text, parameterTypes, values, bound, prepare, settings }: Sent): string {
  const hash = createHash('sha256');
  const parts = [
    text,
    parameterTypes.join(),
    prepare ?? '',
    JSON.stringify(values ?? null),
    JSON.stringify([...(settings ?? [])]),
  ];
  for (const part of parts) hash.update(`${Buffer.byteLength(part)} `).update(part);
  if (bound) hash.update(`${bound.formats.join()} ${bound.valueCount} `).update(bound.values);
  return hash.digest('base64');
}
