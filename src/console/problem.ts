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

/** The result of `work`, or why it failed; the other parts of the page are still shown. */
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
