/** Why a statement is refused: a closed list, with all that depends on the reason alone. Floor 0: imports nothing. */

interface ReasonFacts {
  /** What a report on refusals says of it. */
  readonly meaning: string;
  /**
   * It counts towards a lock: the client reaches for what the policy withholds. A name that does not exist is among these: to a role, what it was not
   * granted does not exist. Not so a text that does not parse, what the guard cannot judge, its own troubles, and limits, which are counted as such.
   */
  readonly countsTowardsLock: boolean;
  /**
   * What `rowgate explain` tells a DBA who expected the statement to work; `{file}` is replaced by the role's file. Absent if it depends on the
   * statement: the compiler then requires it in `explain-advice.ts`.
   */
  readonly advice?: string;
}

const ASK_FOR_LESS = 'Ask for less, or raise the limit in {file}.';
const TRY_AGAIN = 'It says nothing about the policy: try again.';
const REPORT_IT = 'It is refused to be safe. Please report the statement, with its record in the decision log.';
const CAPPED = 'Send values as parameters, or split the statement. The caps are not granted.';
const NOT_POSTGRESQL = 'PostgreSQL itself would not take this text.';

/** By the word that the decision log has as `reason`. */
export const REASONS = {
  syntax: { meaning: 'the text does not parse', countsTowardsLock: false, advice: NOT_POSTGRESQL },
  'too-large': { meaning: 'the text is too long, or nested too deeply', countsTowardsLock: false, advice: CAPPED },
  'too-complex': { meaning: 'its judgement would take too long', countsTowardsLock: false, advice: CAPPED },
  unsupported: {
    meaning: 'a form of statement that is not judged',
    countsTowardsLock: false,
    advice: 'No grant changes this: the form is not one that is judged. Write the statement in another way.',
  },
  'statement-not-allowed': {
    meaning: 'a kind of statement that the role was not granted',
    countsTowardsLock: true,
  },
  'relation-not-granted': { meaning: 'a relation that the role was not granted', countsTowardsLock: true },
  'relation-unknown': {
    meaning: 'a relation that does not exist',
    countsTowardsLock: true,
    advice: 'The name is not that of a relation in the search path, nor of one in this query. Check it.',
  },
  'column-withheld': { meaning: 'a column that the role was not granted', countsTowardsLock: true },
  'column-unknown': {
    meaning: 'a column that does not exist',
    countsTowardsLock: true,
    advice: 'No relation in this query has such a column. Check the name, and the alias before it.',
  },
  'function-not-granted': { meaning: 'a function that the role was not granted', countsTowardsLock: true },
  'function-unknown': {
    meaning: 'no function of that name takes these arguments, or several do',
    countsTowardsLock: true,
    advice: 'No function of that name takes just these arguments. Check it, and cast what has no type of its own.',
  },
  'operator-not-granted': { meaning: 'an operator that the role was not granted', countsTowardsLock: true },
  'operator-unknown': {
    meaning: 'no operator of that name takes these operands, or several do',
    countsTowardsLock: true,
    advice: 'No operator of that name takes just operands of these types. Cast one of them.',
  },
  'type-not-granted': {
    meaning: 'a type that the role was not granted',
    countsTowardsLock: true,
    advice:
      'Grant it by types: […], or cast to a type that is built in. Of a row that is held in part, name the columns.',
  },
  'setting-not-allowed': {
    meaning: 'a setting that the role may not read or change',
    countsTowardsLock: true,
    advice: 'It changes what statements mean, or tells about the server: no restricted role may have it.',
  },
  'row-check': { meaning: 'a new row that the role may not write', countsTowardsLock: true },
  pattern: {
    meaning: 'a LIKE pattern that ends in its escape character',
    countsTowardsLock: false,
    advice: NOT_POSTGRESQL,
  },
  'write-restricted': { meaning: 'a write that cannot be held to the granted rows', countsTowardsLock: true },
  pooled: {
    meaning: 'it does not work through a pooler of transactions',
    countsTowardsLock: false,
    advice: 'It cannot work through upstream.pooling: transaction; the hint says what does, if anything.',
  },
  'min-group': {
    meaning: 'single rows, or groups that may be small',
    countsTowardsLock: true,
    advice:
      'The role sees groups only. Rows as they are would need a role without min_group, or a table that is about no person and granted whole, in {file}.',
  },
  collects: { meaning: 'values of several rows in one', countsTowardsLock: true },
  uncountable: {
    meaning: 'what it tells of data subjects cannot be counted',
    countsTowardsLock: false,
    advice:
      'What it tells of people cannot be counted, and they are. Send it without that part, or read the rows first and write them by their keys.',
  },
  estimates: { meaning: 'EXPLAIN: its estimates depend on withheld rows', countsTowardsLock: true },
  provenance: {
    meaning: 'the server names a result column that the role may not read',
    countsTowardsLock: true,
    advice: REPORT_IT,
  },
  'limit-rows': { meaning: 'more rows than one statement may return', countsTowardsLock: false, advice: ASK_FOR_LESS },
  'limit-bytes': {
    meaning: 'more bytes than one statement may return or copy',
    countsTowardsLock: false,
    advice: ASK_FOR_LESS,
  },
  'limit-changed': {
    meaning: 'more rows than one statement may change',
    countsTowardsLock: false,
    advice: ASK_FOR_LESS,
  },
  'limit-window': { meaning: 'more than may be taken in a time', countsTowardsLock: false, advice: ASK_FOR_LESS },
  'estimated-rows': { meaning: 'the planner expects too many rows', countsTowardsLock: false, advice: ASK_FOR_LESS },
  'not-estimated': {
    meaning: 'the planner did not say how many rows it expects',
    countsTowardsLock: false,
    advice: TRY_AGAIN,
  },
  locked: {
    meaning: 'the principal or end user is locked',
    countsTowardsLock: false,
    advice: 'The principal is locked out: rowgate locks list says why, rowgate locks release lets it in again.',
  },
  'break-glass': {
    meaning: 'the principal is closed until break-glass opens it',
    countsTowardsLock: false,
    advice: 'The principal is closed; "rowgate break-glass ask" asks for an opening.',
  },
  'store-unavailable': {
    meaning: 'the store of the budgets could not be reached',
    countsTowardsLock: false,
    advice: TRY_AGAIN,
  },
  'token-missing': { meaning: 'no token named the end user', countsTowardsLock: false },
  'token-refused': { meaning: 'the token is not valid, or not any more', countsTowardsLock: false },
  'token-unchecked': {
    meaning: 'the keys that check tokens could not be read',
    countsTowardsLock: false,
    advice: TRY_AGAIN,
  },
  cancelled: { meaning: 'the client cancelled it while it waited', countsTowardsLock: false, advice: TRY_AGAIN },
  'role-disabled': {
    meaning: 'an error in the policy files has closed the role',
    countsTowardsLock: false,
    advice: 'An error in the policy files has closed the role: rowgate check names it.',
  },
  'not-recorded': {
    meaning: 'the decision log could not be written',
    countsTowardsLock: false,
    advice: 'The decision log cannot be written. Nothing runs until it can.',
  },
  'not-verified': {
    meaning: 'the rewritten text did not parse to the tree that was meant',
    countsTowardsLock: false,
    advice: REPORT_IT,
  },
  internal: { meaning: 'an error inside of the guard', countsTowardsLock: false, advice: REPORT_IT },
} as const satisfies Readonly<Record<string, ReasonFacts>>;

export type Reason = keyof typeof REASONS;

/** Reasons whose advice depends on the statement. */
export type ReasonByStatement = {
  [R in Reason]: (typeof REASONS)[R] extends { readonly advice: string } ? never : R;
}[Reason];

/** False for a word of an older guard, or a limit's name, in the field of a reason. */
export function isReason(word: string): word is Reason {
  return Object.hasOwn(REASONS, word);
}
