/** What the server's description of a result means under a policy: whether every column may be read, and which columns show data subjects. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Disclosure } from '../../guard/subjects/disclosure.ts';
import { mayRead, type RolePolicy } from '../../policy/model/policy.ts';
import { decodeRowDescription, type Field } from '../../protocol/row-description.ts';
import { bufferOf } from '../../protocol/text.ts';
import { type AnswerPlan, planOf } from '../results/answer-plan.ts';
import type { SessionPolicy } from '../session-policy.ts';
import { isAboutSubjects, type ShownColumns, shownColumns } from './shown-columns.ts';

export class Description {
  readonly verdict: 'verified' | Refusal;
  /** As far as they show data subjects; undefined if the database has none. */
  readonly shown: ShownColumns | undefined;
  /** Of names and types, formats aside: a statement is described before its formats are known. Short, however many columns there are. */
  readonly digest: string;
  /** Texts of one shape may have been judged one by one before it was learnt, and come in turns. */
  private readonly plans: KnownPlan[] = [];

  constructor({ role, subjectKeys }: SessionPolicy, bytes: Uint8Array | null) {
    const fields = bytes ? decodeRowDescription(bytes) : [];
    this.verdict = withheldField(role, fields) ?? 'verified';
    this.shown = isAboutSubjects(subjectKeys) ? shownColumns(fields, subjectKeys) : undefined;
    this.digest = bytes ? digestOf(fields) : 'no data';
  }

  /** Which columns of a row show data subjects: the same for all runs of a statement. @param disclosures, about as its judgement has them. */
  planOf(disclosures: readonly Disclosure[] | undefined, about: readonly string[]): AnswerPlan | undefined {
    if (!this.shown) return undefined;
    // Without a judgement, the subjects whose tables are named are used instead.
    const named = disclosures ? NONE : about;
    for (const plan of this.plans) if (plan.named === named && areAlike(plan.disclosures, disclosures)) return plan.of;
    const plan = { disclosures, named, of: planOf(disclosures, about, this.shown) };
    if (this.plans.push(plan) > MOST_PLANS) this.plans.shift();
    return plan.of;
  }
}

const NONE: readonly string[] = [];
const MOST_PLANS = 8;

interface KnownPlan {
  readonly disclosures: readonly Disclosure[] | undefined;
  readonly named: readonly string[];
  readonly of: AnswerPlan | undefined;
}

/** Whether rows mean the same by them: the keys that a text gives itself may be others. */
function areAlike(a: readonly Disclosure[] | undefined, b: readonly Disclosure[] | undefined): boolean {
  if (a === b || !a || !b) return a === b;
  return (
    a.length === b.length &&
    a.every((one, i) => one.subject === b[i]!.subject && one.named === b[i]!.named && one.values === b[i]!.values)
  );
}

/** Longer ones, in bytes, are read each time. */
const LONGEST = 2_048;
const MOST_REMEMBERED = 200;

const remembered = new WeakMap<SessionPolicy, LRUCache<string, Description>>();

/**
 * Remembered: an application asks for the same few results again and again. By every byte of it, and under one policy alone.
 * @param bytes a RowDescription; null for NoData.
 */
export function descriptionOf(policy: SessionPolicy, bytes: Uint8Array | null): Description {
  if (bytes && bytes.length > LONGEST) return new Description(policy, bytes);
  let known = remembered.get(policy);
  if (!known) {
    known = new LRUCache({ max: MOST_REMEMBERED });
    remembered.set(policy, known);
  }
  const key = bytes ? bufferOf(bytes).toString('latin1') : '';
  const before = known.get(key);
  if (before) return before;
  const description = new Description(policy, bytes);
  known.set(key, description);
  return description;
}

/** Why a result with these columns may not be sent to the role; undefined if it may. */
function withheldField(role: RolePolicy, fields: readonly Field[]): Refusal | undefined {
  for (const field of fields) {
    if (field.table !== 0 && !mayRead(role, field.table, field.attnum)) {
      return refusal('provenance', '42501', `permission denied for column "${field.name}" of the result`, {
        detail: 'The server takes this column from one that the role may not read.',
        hint: 'Write it in another way, and report it with its decision.',
        rule: role.relations.get(field.table)?.rule ?? role.rule,
      });
    }
  }
  return undefined;
}

function digestOf(fields: readonly Field[]): string {
  const hash = createHash('sha256');
  for (const { name, type, typmod } of fields) hash.update(`${name}\0${type},${typmod};`);
  return hash.digest('base64');
}
