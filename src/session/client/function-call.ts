/** FunctionCall: a call by OID, outside SQL; the guard cannot tell what it does. */
import { refusal } from '../../core/refusal.ts';
import { unreadable } from '../../guard/unreadable.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { NOTHING_JUDGED, notRecorded } from '../recorder.ts';
import { Provenance } from '../server/provenance.ts';
import { noPolicy } from '../server/session-ends.ts';
import type { Conversation } from '../state/conversation.ts';
import type { ExecutionRules } from '../state/execution.ts';
import { decideRefusal, ownWords, refuseFunctionCall } from './refuse.ts';

/** Only for roles from which nothing is withheld. */
export function takeFunctionCall(c: Conversation, frame: Frame): boolean {
  const policy = c.policy();
  if (!policy) {
    c.end(noPolicy());
    return true;
  }
  const statement = { ...unreadable(undefined), command: 'FUNCTION CALL' };
  const subject = { statement, judgement: NOTHING_JUDGED, policy, text: '' };
  if (policy.role.access === 'restricted') {
    const reason = refusal('statement-not-allowed', '42501', 'permission denied for function call messages', {
      hint: 'Call the function in a SELECT.',
      rule: policy.role.rule,
    });
    refuseFunctionCall(c, decideRefusal(c, subject, reason));
    return true;
  }
  // A function may leave anything in a connection that the next client gets, and here its name is not known.
  if (c.ports.pooling === 'transaction') {
    const reason = refusal('pooled', '0A000', 'function call messages do not work through a pooler of transactions', {
      hint: 'Call the function in a SELECT.',
    });
    refuseFunctionCall(c, decideRefusal(c, subject, reason));
    return true;
  }
  const admitted = c.admission.ask(
    policy,
    [statement],
    () => [],
    () => undefined,
    [],
  );
  if (admitted === 'wait') return false;
  if (admitted.kind === 'refused') {
    refuseFunctionCall(c, decideRefusal(c, subject, admitted.refusal, admitted));
    return true;
  }
  const watch: ExecutionRules = {
    limits: undefined,
    input: undefined,
    verifies: undefined,
    provenance: new Provenance(),
  };
  const run = c.records.decide(subject, watch, { rows: 0, bytes: 0 }, true);
  if (!run) {
    refuseFunctionCall(c, ownWords(c, notRecorded()));
    return true;
  }
  c.admission.sent();
  const pending = { kind: 'function-call', batch: c.batch, own: false, run } as const;
  c.plans.end(c.batch, true);
  c.pass(frame, pending);
  c.block(pending);
  return true;
}
