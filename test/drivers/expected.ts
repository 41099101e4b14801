/** The expected results of the steps, made from their results at PostgreSQL itself. */
import type { Driver, Outcomes } from './driver.ts';
import { STEPS, type Step } from './steps.ts';

/** The results, replaced by `expected` of the step where it has one: what an unrestricted role sees. */
export function expectedOf(direct: Outcomes): Outcomes {
  return mapOutcomes(direct, (step, result) => stepOf(step)?.expected ?? result);
}

/** The results for the role `reader`, made from these results at PostgreSQL. */
export function restrictedTo({ alsoRestricted }: Driver, direct: Outcomes): Outcomes {
  return mapOutcomes(direct, (step, result) => stepOf(step)?.restricted ?? alsoRestricted?.[step] ?? result);
}

const stepOf = (name: string): Step | undefined =>
  Object.hasOwn(STEPS, name) ? STEPS[name as keyof typeof STEPS] : undefined;

function mapOutcomes(outcomes: Outcomes, change: (step: string, result: unknown) => unknown): Outcomes {
  const changed = Object.entries(outcomes).map(([step, outcome]) => [
    step,
    'lacks' in outcome ? outcome : { result: change(step, 'result' in outcome ? outcome.result : undefined) },
  ]);
  return Object.fromEntries(changed);
}
