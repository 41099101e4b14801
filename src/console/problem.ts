/** Why a question has no answer, as the API says it. */
import type { Part, Problem } from './api/values.ts';

export class ConsoleProblem extends Error {
  constructor(
    readonly code: Problem['code'],
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }

  get shown(): Problem {
    const { code, message, hint } = this;
    return { code, message, ...(hint !== undefined && { hint }) };
  }
}

export const STATUS = {
  call: 400,
  'signed-out': 401,
  forbidden: 403,
  unknown: 404,
  refused: 409,
  'too-large': 413,
  'too-many': 429,
  failed: 500,
  'guard-gone': 502,
  'log-unreadable': 503,
  'too-slow': 504,
} as const satisfies Record<Problem['code'], number>;

/** What it gives, or why it gives nothing; the rest of a page is told all the same. */
export async function partOf<T>(work: () => Promise<T>): Promise<Part<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, problem: problemOf(error).shown };
  }
}

export function problemOf(error: unknown): ConsoleProblem {
  if (error instanceof ConsoleProblem) return error;
  return new ConsoleProblem('failed', error instanceof Error ? error.message : String(error));
}
