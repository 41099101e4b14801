/** What is counted for a principal, and in which windows of time: types shared by meter, stores and sessions. */

/**
 * `subjects.student`: distinct data subjects, and answers that name none. `answers.student`: only the latter, if they have a limit of their own.
 * `questions.student` and `values.student`: the same counted apart, without a limit. `overruns` and `refusals` lead to a lock.
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

/** Such as `30 days`. `day` with a `count` of 1 is a calendar day; all others slide. */
export interface WindowOfMeasure {
  readonly count: number;
  readonly unit: 'second' | 'minute' | 'hour' | 'day';
}

/** A window of a measure, and its limit; `limit` absent: only counted. */
export interface Ceiling {
  readonly window: WindowOfMeasure;
  readonly limit?: number;
}

/** What is charged: a principal, `principal:college_12_app`, or an end user. */
export type Owner = string;
