/** What is counted of a principal, and in which windows of time: the words that the meter, its stores and the session share. */

/**
 * `subjects.student`: distinct people of a subject, and what was told of them without naming anybody. `answers.student`: the latter alone, where
 * it has an account of its own. `questions.student` and `values.student`: the same once more, apart, and bound by nothing. `overruns` and `refusals`
 * lead to a lock.
 */
export type Measure =
  | 'rows'
  | 'bytes'
  | 'statements'
  | 'changed'
  | 'overruns'
  | 'refusals'
  | `subjects.${string}`
  | `answers.${string}`
  | `questions.${string}`
  | `values.${string}`;

/** `30 days`: `day` is a calendar day where `count` is 1, everything else slides. */
export interface WindowOfMeasure {
  readonly count: number;
  readonly unit: 'second' | 'minute' | 'hour' | 'day';
}

/** A window of a measure, and the amount that binds in it; `limit` absent: counted only. */
export interface Ceiling {
  readonly window: WindowOfMeasure;
  readonly limit?: number;
}

/** One of those for whom is counted: a principal, `principal:college_12_app`, or a person behind a token. */
export type Owner = string;
