/**
 * Lets several guards of one test judge each text once. What a guard says depends on text, policy and catalog alone, and the worlds have
 * the same of each: half the time of a run would go into judging the same again.
 */

import type { Judgement } from '../../src/guard/decision.ts';
import type { Guard, GuardOptions } from '../../src/guard/guard.ts';

const known = new Map<string, Judgement>();
const MOST = 2_000;

export function forgetJudgements(): void {
  known.clear();
}

/** For `vi.mock`: the module with a Guard that shares. */
export function sharing(module: { Guard: typeof Guard }): { Guard: typeof Guard } {
  return {
    Guard: class extends module.Guard {
      private readonly of: string;

      constructor(options: GuardOptions) {
        super(options);
        this.of = options.role.name;
      }

      override judge(sql: string, parameterTypes: readonly number[] = []): Judgement {
        const key = `${this.of} ${parameterTypes.join()}\u0000${sql}`;
        const judged = known.get(key) ?? super.judge(sql, parameterTypes);
        if (known.size >= MOST) known.clear();
        known.set(key, judged);
        return judged;
      }
    },
  };
}
