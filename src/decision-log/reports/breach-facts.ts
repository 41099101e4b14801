/** All that the report on a breach is made of. */

import type { Breach } from './breach.ts';
import type { Made } from './made.ts';
import type { PolicyFacts } from './policy-texts.ts';
import type { Sought, SubjectAnswer } from './subject.ts';
import type { WhoAndWhen } from './taken.ts';

export interface BreachFacts {
  readonly asked: WhoAndWhen;
  readonly breach: Breach;
  /** As they are now. */
  readonly policies: PolicyFacts;
  /** What was kept of those that were in force, by its hash; undefined where it is not there, or is not what was kept. */
  readonly policiesKept: (kept: string) => PolicyFacts | undefined;
  readonly sought?: { readonly who: Sought; readonly answer: SubjectAnswer } | undefined;
  readonly made: Made;
}
