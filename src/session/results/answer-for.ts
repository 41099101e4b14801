/** What is looked for in a run's answer: made when the run is recorded, from what was admitted. */
import { hash } from 'node:crypto';
import type { StatementJudgement } from '../../guard/decision.ts';
import { bufferOf } from '../../protocol/text.ts';
import type { AdmissionGrant } from '../admission/admission.ts';
import type { BoundValues } from '../admission/given-keys.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution } from '../state/execution.ts';
import { Answer, type Recurring } from './answer.ts';
import type { Formats } from './answer-rows.ts';
import { digestOf } from './values.ts';

/** What is run, and the words in which the client asked for it. */
export interface AnswerRequest {
  /** Of EXECUTE and FETCH the statement inside. */
  readonly statement: StatementJudgement;
  readonly formats: Formats | 'described';
  /** The client's text; undefined if its answer cannot repeat another. */
  readonly text: string | undefined;
  /** Of EXECUTE: that of what it runs. */
  readonly prepared: string | undefined;
  readonly bound: BoundValues | undefined;
}

/** Takes over what was paid for the run. @returns undefined if its answer cannot show a data subject. */
export function answerOf(
  c: Conversation,
  run: Execution,
  { charges, prepaid = [] }: AdmissionGrant,
  asked: AnswerRequest,
): Answer | undefined {
  const { statement, formats } = asked;
  const { disclosures } = statement;
  run.charges = charges;
  run.prepaid = prepaid;
  run.disclosures = disclosures;
  const writes = (run.watch.writes?.length ?? 0) > 0;
  if (!run.watch.looksForPeople && !writes && prepaid.length === 0) return undefined;
  const answer = new Answer(statement, formats, recurring(c, run, asked), (subject) => run.isPinned(subject));
  for (const { subject, keys } of prepaid) if (keys.length > 0) answer.countAsked([{ subject, keys, values: 0 }]);
  return answer;
}

/** Where an answer may be free because it is the last one again. */
function recurring(c: Conversation, run: Execution, { text, prepared, bound }: AnswerRequest): Recurring | undefined {
  if (text === undefined || !run.charges) return undefined;
  const { disclosures = [] } = run;
  // INVARIANT 74: if one subject's part of an answer is not free, no part is free.
  const repeats = disclosures.every(({ free }) => free === 'repeated');
  const asks = disclosures.some(({ subject }) => !run.isPinned(subject));
  const answers = repeats && asks ? c.ports.budget.answers?.() : undefined;
  if (!answers) return undefined;
  const words = `${run.policy.hash}\0${run.person?.user ?? ''}\0${prepared ?? ''}\0${text}`;
  const values = bound && `${bound.formats.join()};${bound.valueCount};${bufferOf(bound.values).toString('latin1')}`;
  return { answers, asked: { text: digestOfRepeated(run.statement, words), values: digestOf(values ?? '') } };
}

/** By the judgement that a repeated text has. */
const last = new WeakMap<StatementJudgement, { readonly words: string; readonly digest: string }>();

function digestOfRepeated(statement: StatementJudgement, words: string): string {
  let known = last.get(statement);
  if (known?.words !== words) {
    known = { words, digest: hash('sha256', words, 'base64') };
    last.set(statement, known);
  }
  return known.digest;
}
