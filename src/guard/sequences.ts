/** Whether a role may ask a sequence for numbers: of a table that it may insert into, or one that was granted by name (manual, section 9.17). */
import { type Refusal, refusal } from '../core/refusal.ts';
import type { RolePolicy, SequenceRight } from '../policy/model/policy.ts';
import type { LookedUpObject } from '../sql/analyze/findings.ts';
import type { Fn, Relation } from '../sql/catalog/catalog.ts';
import { as, type Node, strings } from '../sql/parse/tree.ts';
import type { Draft } from './draft.ts';

/** By function: the rights of `sequences` any of which is enough, as PostgreSQL has it. */
const RIGHTS: Readonly<Record<string, readonly SequenceRight[]>> = {
  nextval: ['usage', 'update'],
  currval: ['usage', 'select'],
  setval: ['update'],
  lastval: [],
};

export function isSequenceFunction(fn: Fn): boolean {
  return fn.schema === 'pg_catalog' && Object.hasOwn(RIGHTS, fn.name);
}

/** A constant that is a name, cast or not, or `pg_get_serial_sequence` of constants: what `judgeSequence` can judge. */
export function namesSequence(node: Node): boolean {
  const cast = as(node, 'TypeCast');
  if (cast?.arg) return namesSequence(cast.arg);
  const call = as(node, 'FuncCall');
  if (call) {
    const serial = strings(call.funcname).at(-1) === 'pg_get_serial_sequence';
    return serial && (call.args ?? []).every((arg) => as(arg, 'A_Const')?.sval !== undefined);
  }
  return /^[A-Za-z_"]/.test(as(node, 'A_Const')?.sval?.sval ?? '');
}

/** undefined: it may. */
export function judgeSequence(draft: Draft, fn: Fn, subject: LookedUpObject | undefined): Refusal | undefined {
  if (fn.name === 'lastval' || draft.role.functions.has(fn.oid)) return undefined;
  const sequence = subject && sequenceOf(draft, subject);
  if (sequence && mayAsk(draft.role, fn, sequence)) return undefined;
  return refusal('function-not-granted', '42501', `permission denied for function ${fn.name} here`, {
    hint: hintOf(fn, subject),
    rule: draft.role.rule,
  });
}

/** It names what the client named, whether that is there or not. */
function hintOf({ name }: Fn, subject: LookedUpObject | undefined): string {
  const what =
    name === 'setval'
      ? 'Its first argument must name, as a constant, a sequence that is granted by sequences: with update.'
      : 'Its argument must name, as a constant, the sequence of a table that the role may insert into, or one that was granted.';
  if (subject?.text === undefined) return what;
  return `${what} To be granted: ${neededFor(name)} on ${subject.text}.`;
}

/** What `sequences` must have for a call of the function. */
function neededFor(name: string): SequenceRight {
  return RIGHTS[name]?.[0] ?? 'usage';
}

function mayAsk(role: RolePolicy, { name }: Fn, { oid, ownedBy }: Relation): boolean {
  const grant = role.relations.get(oid);
  // INVARIANT 135: `setval` moves what others are given: by its own grant alone.
  if (grant?.sequence && RIGHTS[name]?.some((right) => grant.sequence?.has(right))) return true;
  if (name === 'setval') return false;
  if (grant?.select && !grant.sequence) return true;
  // Where the column itself may be given, a number for it may be asked for.
  return ownedBy ? role.relations.get(ownedBy.relation)?.insert !== undefined : false;
}

function sequenceOf(draft: Draft, { text, serial }: LookedUpObject): Relation | undefined {
  if (serial) {
    const table = relationNamed(draft, serial.table);
    const column = table?.columns.find(({ name }) => name === serial.column);
    if (!table || !column) return undefined;
    return draft.catalog.data.relations.find(
      ({ ownedBy }) => ownedBy?.relation === table.oid && ownedBy.column === column.attnum,
    );
  }
  const found = text === undefined ? undefined : relationNamed(draft, text);
  return found?.kind === 'S' ? found : undefined;
}

/** `name` or `schema.name`, each perhaps quoted, as regclass reads it; no number: that would be an OID. */
function relationNamed({ catalog, searchPath }: Draft, text: string): Relation | undefined {
  const match = /^(?:("(?:[^"]|"")+"|[A-Za-z_][\w$]*)\.)?("(?:[^"]|"")+"|[A-Za-z_][\w$]*)$/.exec(text);
  if (!match) return undefined;
  const [schema, name] = [match[1], match[2]].map((part) => part && plain(part));
  if (!name) return undefined;
  for (const candidate of schema ? [schema] : ['pg_catalog', ...searchPath]) {
    const found = catalog.relation(candidate, name);
    if (found) return found;
  }
  return undefined;
}

function plain(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase();
}
