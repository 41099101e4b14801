/** Statements without a recorded outcome: what they can have shown at most. */
import type { Speech } from '../language/speech.ts';
import type { WithoutOutcome } from './breach.ts';
import type { BreachFacts } from './breach-facts.ts';

interface Most {
  /** Undefined if one of the roles has no limit. */
  readonly rows: number | undefined;
  /** Whether everything is based on the policies at the time, and nothing on those of now. */
  readonly ofThen: boolean;
}

/** By the limit of one statement. If several policies with one hash were kept, by the largest. */
function mostRows(unended: readonly WithoutOutcome[], { policies, policiesKept }: Policies): Most {
  let most: number | undefined = 0;
  let ofThen = true;
  for (const { role, kept, statements } of unended) {
    const inForce = kept.flatMap((hash) => policiesKept(hash) ?? []);
    if (inForce.length === 0) ofThen = false;
    const limits = (inForce.length > 0 ? inForce : [policies]).map((facts) => facts.rowsPerStatement.get(role ?? ''));
    for (const limit of limits) if (limit === undefined) most = undefined;
    if (most !== undefined) most += statements * Math.max(...limits.map((limit) => limit ?? 0));
  }
  return { rows: most, ofThen };
}

type Policies = Pick<BreachFacts, 'policies' | 'policiesKept'>;

export function upToLimits(unended: readonly WithoutOutcome[], known: Policies, speech: Speech): string {
  const statements = unended.reduce((sum, each) => sum + each.statements, 0);
  const { rows, ofThen } = mostRows(unended, known);
  const policy = speech.say(ofThen ? 'unended: policy of then' : 'unended: policy of now');
  const bound = rows === undefined ? speech.say('unended: no limit') : speech.say('unended: up to', { rows, policy });
  return speech.say('unended: note', { statements: speech.say('statements', { n: statements }), bound });
}
