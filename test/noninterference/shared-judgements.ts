/**
 * Lets several guards of one test judge each text once. A judgement depends on text, policy, search_path and catalog alone, and the databases have the
 * same of each: half the time of a run would go into repeated judgements.
 */
import type { Judgement, JudgementSteps } from '../../src/guard/decision.ts';
import type { Guard, GuardOptions } from '../../src/guard/guard.ts';

const known = new Map<string, Judgement>();
const MOST = 2_000;

export function forgetJudgements(): void {
  known.clear();
}

/** For `vi.mock`: the module with a Guard that shares. */
export function sharing<Module extends { Guard: typeof Guard }>(module: Module): Module {
  return {
    ...module,
    Guard: class extends module.Guard {
      private readonly of: string;

      constructor(options: GuardOptions) {
        super(options);
        // Where people are counted, keys are added.
        this.of = JSON.stringify([options.role.name, [...(options.role.limitedSubjects ?? [])], options.searchPath]);
      }

      override begin(sql: string, parameterTypes: readonly number[] = []): Judgement | JudgementSteps {
        const key = `${this.of} ${parameterTypes.join()}\u0000${sql}`;
        return known.get(key) ?? remembered(key, super.begin(sql, parameterTypes));
      }
    },
  };
}

function remembered(key: string, begun: Judgement | JudgementSteps): Judgement | JudgementSteps {
  if (!('effect' in begun)) return rememberedAtEnd(key, begun);
  if (known.size >= MOST) known.clear();
  known.set(key, begun);
  return begun;
}

function* rememberedAtEnd(key: string, steps: JudgementSteps): JudgementSteps {
  const judged = yield* steps;
  remembered(key, judged);
  return judged;
}
