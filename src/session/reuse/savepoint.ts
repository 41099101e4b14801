/**
 * A savepoint of the guard's own around the first Bind of a plan in a transaction: changes made elsewhere may make the server refuse the plan, which
 * would cost the client its transaction. It is released before the statement runs. Both are prepared, and sent in the same write.
 */
import { bind } from '../../protocol/bind.ts';
import { close } from '../../protocol/describe.ts';
import { execute } from '../../protocol/execute.ts';
import { parse } from '../../protocol/parse.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Conversion } from '../state/pending-replies.ts';

const SET = 'SAVEPOINT rowgate_plan';
const RELEASE = 'RELEASE SAVEPOINT rowgate_plan';

/** Brings a transaction back that such a Bind has made fail. */
export const UNDO = `ROLLBACK TO SAVEPOINT rowgate_plan; ${RELEASE}`;

/** By the unnamed portal: what is bound next takes its place. */
export function setSavepoint(c: Conversation, conversion: Conversion | undefined): void {
  run(c, SET, '', conversion);
}

/** Releases the savepoint, by a prepared statement. */
export function releaseSavepoint(c: Conversation, conversion: Conversion | undefined): void {
  const name = run(c, RELEASE, undefined, conversion);
  const sent = { batch: c.batch, own: true, around: true, conversion } as const;
  c.send(close({ of: 'portal', name }), { kind: 'close', versions: [], ...sent });
}

/** @param at a portal; undefined: one of its own. @returns its portal. */
function run(c: Conversation, text: string, at: string | undefined, conversion: Conversion | undefined): string {
  const { plan, isNew } = c.plans.helper(text);
  const portal = at ?? plan.name;
  const sent = { batch: c.batch, own: true, around: true, conversion } as const;
  if (isNew)
    c.send(parse({ name: plan.name, text, types: [] }), {
      kind: 'parse',
      versions: [],
      rendered: undefined,
      plan,
      ...sent,
    });
  const noValues = { formats: [], valueCount: 0, values: new Uint8Array(0), resultFormats: [] };
  c.send(bind({ portal, statement: plan.name, ...noValues }), { kind: 'bind', versions: [], ...sent });
  const executing = { kind: 'execute', portal: undefined, run: undefined, maxRows: 0, ...sent } as const;
  c.send(execute({ portal, maxRows: 0 }), executing);
  return portal;
}
