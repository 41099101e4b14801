/** Judges the text of a client's message step by step: where the session's time is over, others are served before the next step. */
import type { Judgement } from '../../guard/decision.ts';
import { isUnderWay } from '../../guard/guard.ts';
import type { SessionPolicy } from '../ports.ts';
import type { Conversation } from '../state/conversation.ts';

/** `types`: as `SessionPolicy.judge` has them. @returns `wait`: the message is to be taken again in the session's next turn. */
export function judged(
  c: Conversation,
  policy: SessionPolicy,
  text: string,
  types: readonly number[] = [],
): Judgement | 'wait' {
  if (!policy.begin) return policy.judge(text, types);
  let { judging } = c;
  // INVARIANT 28: a judgement is that of this text.
  if (judging && (judging.text !== text || judging.types.join() !== types.join())) judging = undefined;
  if (judging && judging.policy !== policy) {
    // Judged by the current policy, at once: with a policy that changes all the time, starting again would never end.
    c.judging = undefined;
    return policy.judge(text, types);
  }
  if (!judging) {
    const begun = policy.begin(text, types);
    if (!isUnderWay(begun)) return begun;
    judging = { text, types, policy, begun };
    c.judging = judging;
  }
  while (isUnderWay(judging.begun)) {
    const step = judging.begun.next();
    if (step.done) judging.begun = step.value;
    if (c.mustYield()) return 'wait';
  }
  return judging.begun;
}
