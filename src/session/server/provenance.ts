/** Promise P5: the server itself reports the table's column behind each result column, and the role must be allowed to read each. */
import type { Refusal } from '../../core/refusal.ts';
import type { Disclosure } from '../../guard/subjects/disclosure.ts';
import type { AnswerPlan } from '../results/answer-plan.ts';
import type { Described } from './answer-grammar.ts';
import type { Description } from './description.ts';
import type { ShownColumns } from './shown-columns.ts';

/** What is known of one statement's result columns. Nothing flows to the client before it is `verified`. */
export class Provenance {
  verdict: 'unknown' | 'verified' | Refusal = 'unknown';
  /** The batch in which a Describe that will tell was last sent. */
  askedIn: number | undefined;
  /** How many columns there are. */
  fields: Described;
  private description: Description | undefined;

  /** INVARIANT 54: the server's report decides about the origin of each column; a statement without a result has none. */
  learn(description: Description): void {
    this.verdict = description.verdict;
    this.description = description;
  }

  /** As far as they show data subjects; undefined if the database has none. */
  get shown(): ShownColumns | undefined {
    return this.description?.shown;
  }

  /** Which columns of a row show data subjects. @param disclosures as the statement's judgement has them. */
  planOf(disclosures: readonly Disclosure[] | undefined, about: readonly string[]): AnswerPlan | undefined {
    return this.description?.planOf(disclosures, about);
  }
}
