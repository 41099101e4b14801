/** A Query of one statement that may be cut off, sent as extended messages: with its Sync held back, it can be undone before it commits. */
import { bind } from '../../protocol/bind.ts';
import { describe } from '../../protocol/describe.ts';
import { execute } from '../../protocol/execute.ts';
import { parse } from '../../protocol/parse.ts';
import { least } from '../admission/statement-meter.ts';
import { bindQuery, type QueryByPlan } from '../reuse/by-plan.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution, ExecutionRules } from '../state/execution.ts';
import type { Conversion } from '../state/pending-replies.ts';
import { unnamedDropped } from './refuse.ts';
import type { Rendered } from './render.ts';

/** Sync follows when the result has passed: `server.ts`. */
export function sendConverted(
  c: Conversation,
  rendered: Rendered,
  watch: ExecutionRules,
  run: Execution,
  by?: QueryByPlan,
): void {
  const conversion: Conversion = { run, description: undefined, complete: undefined };
  const sent = { batch: c.batch, conversion, rendered: by?.asked.rendered ?? rendered };
  const limit = least(watch.limits?.rows, watch.taken ? run.most : undefined);
  const maxRows = limit === undefined ? 0 : Math.max(0, limit - run.usage.rows) + 1;
  if (by) bindQuery(c, by, conversion);
  else {
    const versions = unnamedDropped(c);
    c.send(parse({ name: '', text: rendered.sent, types: [] }), { kind: 'parse', own: true, versions, ...sent });
    const noValues = { formats: [], values: new Uint8Array(0), valueCount: 0, resultFormats: [] };
    c.send(bind({ portal: '', statement: '', ...noValues }), { kind: 'bind', own: true, versions: [], ...sent });
  }
  c.send(describe({ of: 'portal', name: '' }), {
    kind: 'describe',
    owes: 'columns',
    own: false,
    prepared: undefined,
    provenance: watch.provenance,
    policy: run.policy,
    run,
    added: watch.check?.added,
    ...sent,
  });
  const pending = { kind: 'execute', own: false, portal: undefined, run, maxRows, ...sent } as const;
  c.send(execute({ portal: '', maxRows }), pending);
  if (run.runsUserCode) c.pins.ran(pending.batch);
  c.flush();
  c.block(pending);
}
