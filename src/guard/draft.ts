/** A judgement in the making: what the stages hand on to one another. */
import type { Refusal } from '../core/refusal.ts';
import type { RolePolicy } from '../policy/model/policy.ts';
import type { Analysis } from '../sql/analyze/analyze.ts';
import type { Catalog, Column, Oid, Relation } from '../sql/catalog/catalog.ts';
import type { ParsedText } from '../sql/parse/parse.ts';
import type { Body, Node } from '../sql/parse/tree.ts';
import type { Steps, WorkLimit } from '../sql/parse/work-limit.ts';
import type { Edit } from '../sql/text/edits.ts';
import type { PlainLiteral, PlanEffect, RowCheck, StatementKind, TokenChange } from './decision.ts';
import type { Groups } from './groups/groups.ts';
import type { SubqueryFragment } from './rewrite/parsed-fragments.ts';
import type { KeyPlan } from './subjects/added-keys.ts';
import type { Disclosure } from './subjects/disclosure.ts';
import type { SubjectRelations } from './subjects/subject-relations.ts';

export interface DraftStatement {
  readonly node: Node;
  readonly start: number;
  readonly end: number;
  command: string;
  kind: StatementKind;
  /** The SELECT, INSERT, … that it is or carries (PREPARE, DECLARE, EXPLAIN). */
  query: Node | undefined;
  /** Parameter types that PREPARE declares. */
  declaredTypes: readonly Node[];
  /** Sent with a LIMIT where the role has one: a plain read by itself. */
  bounded: boolean;
  explains: boolean;
  /** Set for COPY; `query` is then the SELECT or INSERT as which it is judged. */
  copy: Body<'CopyStmt'> | undefined;
  /** Of COPY with a table: what is copied, once that was granted; `where`: what its condition was resolved to. */
  copied:
    | { readonly relation: Relation; readonly columns: readonly Column[]; readonly where?: Analysis | undefined }
    | undefined;
  analysis: Analysis | undefined;
  /** Types of parameters for which the server is sent another type than the analysis has. */
  readonly readAs: Map<number, Oid>;
  /** Relations that it names outside of a query (LOCK TABLE). */
  readonly named: { readonly body: Body<'RangeVar'>; readonly relation: Relation }[];
  /** What is sent in its place: Rowgate's own words. */
  instead: string | undefined;
  /** What it does to the setting that names the end user; it then does nothing else. */
  token: TokenChange | undefined;
  tables: Set<string>;
  columns: Set<string>;
  rule: string | undefined;
  /** For a role with `min_group`: its queries over data, and what is counted in each. */
  groups: Groups[];
  /** What its answer can disclose of data subjects; undefined if it reads no data of theirs. */
  disclosures: readonly Disclosure[] | undefined;
  /** Keys that are added to its lists, by which its rows are named. */
  keyPlan: KeyPlan | undefined;
  /** For an unrestricted role: subjects whose relations it names. */
  about: readonly string[] | undefined;
  /** How its new rows are judged; undefined if they are not. */
  check: RowCheck | undefined;
  runsUserCode: boolean;
  /** Where it only reads, nothing that it calls can write. */
  leavesNothing: boolean;
  /** It may be prepared once, and run again by that. */
  reusable: boolean;
  literals: readonly PlainLiteral[];
  plans: PlanEffect | undefined;
  /** How many the message uses, where it was not analyzed for more than its plan. */
  parameters: number;
  rewritten: boolean;
  refusal: Refusal | undefined;
}

export interface Draft {
  readonly text: string;
  readonly role: RolePolicy;
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
  readonly policyPath: readonly string[];
  readonly parameterTypes: readonly number[];
  /** What holds people, by subject. */
  readonly subjects: readonly SubjectRelations[];
  /** Which statements run code of users. */
  readonly userCode: { runsIn(analysis: Analysis, role: RolePolicy): boolean };
  /** Spent by every stage. */
  readonly workLimit: WorkLimit;
  parsed: ParsedText | undefined;
  statements: DraftStatement[];
  /** Of the text as a whole: it does not parse, or Rowgate's own output was not what it meant. */
  refusal: Refusal | undefined;
  /** What a stage threw: a bug. `refusal` is then set. */
  fault?: unknown;
  edits: readonly Edit[];
  /** Subqueries in the edits, with their placeholders in the short texts. */
  pieces: ReadonlyMap<SubqueryFragment, string>;
}

/**
 * One stage of the judgement, by name; fills in the draft. After a stage that refused anything, the next is not run. `each`: of one statement by itself, in steps
 * where the text has many; `steps`: of all.
 */
export type Stage = {
  readonly name: string;
} & (
  | { readonly run: (draft: Draft) => void }
  | { readonly each: (draft: Draft, statement: DraftStatement) => void }
  | { readonly steps: (draft: Draft) => Steps<void> }
);

/** Statements between two steps. */
const EACH_STEP = 50;

/** Each of the statements in turn. */
export function* eachStatement(
  { statements }: Pick<Draft, 'statements'>,
  act: (statement: DraftStatement) => void,
): Steps<void> {
  for (const [i, statement] of statements.entries()) {
    if (i > 0 && i % EACH_STEP === 0) yield;
    act(statement);
  }
}

/** Runs one stage, for the whole text or for each statement, in steps. */
export function* stepsOf(stage: Stage, draft: Draft): Steps<void> {
  if ('run' in stage) stage.run(draft);
  else if ('steps' in stage) yield* stage.steps(draft);
  else yield* eachStatement(draft, (statement) => stage.each(draft, statement));
}
