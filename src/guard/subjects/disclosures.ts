/** Finds what the answer of each statement can tell about the subjects of a policy (`disclosure.ts`). */
import type { RolePolicy } from '../../policy/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { DraftStatement } from '../draft.ts';
import type { Access, Disclosure, RowKey } from './disclosure.ts';
import { LevelReader } from './level-reader.ts';
import { givenPeople } from './pinned.ts';
import type { Rows } from './rows.ts';
import { readers, type SubjectRelations } from './subject-relations.ts';
import { isHeld } from './unique-key.ts';

export interface DisclosureContext {
  readonly role: RolePolicy;
  readonly catalog: Catalog;
  readonly relations: SubjectRelations;
}

type Statement = Pick<DraftStatement, 'analysis' | 'kind' | 'copied' | 'query'>;

/** undefined: the statement touches nothing of the subject. */
export function disclosureOf(context: DisclosureContext, statement: Statement): Disclosure | undefined {
  const { analysis, kind, copied } = statement;
  if (!analysis || !touches(context, analysis)) return undefined;
  const { subject } = context.relations;
  const question = { subject: subject.name, access: { kind: 'question' }, canFail: 'at-once' } as const;
  const unknown: Disclosure = { ...question, values: [], free: 'repeated' };
  // INVARIANT: the planner's estimates, and what EXPLAIN ANALYZE counts, come from everybody's rows.
  if (kind.kind === 'explain' || !analysis.level) return unknown;
  const reader = new LevelReader(analysis, context.catalog, context.relations);
  const rows = reader.readAll(analysis.level);
  const people = readers(analysis, context.catalog).length > 0 ? undefined : givenPeople(reader);
  const named = namedBy(rows);
  const values = [...rows.values].sort((a, b) => a - b);
  const access: Access = people
    ? { kind: 'pinned', people }
    : named && values.length === 0 && isHeld(reader, rows, context.catalog)
      ? { kind: 'held' }
      : { kind: 'question' };
  return {
    subject: subject.name,
    access,
    canFail: 'no',
    ...(named && { named }),
    values,
    free: named && values.length === 0 && !rows.skips ? 'known' : 'repeated',
  };
}

function namedBy({ keys, loose }: Rows): readonly RowKey[] | undefined {
  if (loose) return undefined;
  const named = keys.map(({ key, columns, perhaps }) => {
    return { columns: [...columns, ...perhaps].sort((a, b) => a - b), added: [], type: key.type };
  });
  return named.every(({ columns }) => columns.length > 0) ? named : undefined;
}

function touches({ relations, catalog }: DisclosureContext, analysis: Analysis): boolean {
  const { relations: named } = analysis.marks;
  if (named.some(({ entry }) => entry.source.kind === 'relation' && relations.holds(entry.source.view.relation)))
    return true;
  return readers(analysis, catalog).length > 0;
}
