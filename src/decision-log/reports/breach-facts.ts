/** Everything that the report on a breach is made from. */

import type { Breach } from './breach.ts';
import type { Evidence } from './evidence.ts';
import type { PolicyFacts } from './policy-texts.ts';
import type { ReportOrigin } from './report-origin.ts';
import type { PersonSearch, SubjectAnswer } from './subject.ts';
import type { WhoAndWhen } from './taken.ts';

export interface BreachFacts {
  readonly asked: WhoAndWhen;
  readonly breach: Breach;
  /** The policies of now. */
  readonly policies: PolicyFacts;
  /** The kept policy with this hash; undefined if it is missing or was changed. */
  readonly policiesKept: (kept: string) => PolicyFacts | undefined;
  readonly sought?: { readonly who: PersonSearch; readonly answer: SubjectAnswer } | undefined;
  readonly made: ReportOrigin;
  /** Absent if the log was not verified. */
  readonly evidence?: Evidence | undefined;
}
