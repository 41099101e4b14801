/** The data subjects that an unrestricted role's COPY shows: the server does not describe the columns of a COPY, so the named relations decide. */
import type { Column, Relation } from '../../sql/catalog/catalog.ts';
import { type Body, fieldsOf, type Node, strings } from '../../sql/parse/tree.ts';
import type { Draft } from '../draft.ts';
import type { Disclosure, RowKey } from '../subjects/disclosure.ts';
import type { SubjectRelations } from '../subjects/subject-relations.ts';

interface Named {
  readonly schemaname?: string;
  readonly relname?: string;
}

/** What a query makes of its tables is not followed: no row of it is named. */
export function disclosuresOfCopy(draft: Draft, copy: Body<'CopyStmt'>): readonly Disclosure[] {
  const table = copy.relation && relationOf(draft, copy.relation);
  const columns = table && copiedColumns(table, copy.attlist && strings(copy.attlist));
  const read = copy.query ? relationsIn(draft, copy.query) : table ? [table] : [];
  return draft.subjects.flatMap((subjects): Disclosure[] => {
    const { name: subject } = subjects.subject;
    const held = read.map((relation) => ({ relation, ...subjects.of(relation) }));
    const about = held.filter(({ keys, opaque }) => opaque || keys.size > 0);
    if (about.length === 0) return [];
    const named = columns && !about.some(({ opaque }) => opaque) && namedBy(columns, about[0]!);
    return [
      {
        subject,
        access: { kind: 'question' },
        canFail: 'at-once',
        ...(named && { named }),
        values: [],
        free: 'repeated',
      },
    ];
  });
}

/** The subjects whose relations with a key the text names: whatever is computed from these may reveal a data subject. */
export function aboutIn(draft: Draft, node: Node): readonly string[] {
  if (draft.subjects.length === 0) return [];
  const named = relationsIn(draft, node);
  const holds = (relations: SubjectRelations): boolean => named.some((relation) => relations.holds(relation));
  return draft.subjects.filter(holds).map(({ subject }) => subject.name);
}

/** As PostgreSQL's CopyGetAttnums. */
function copiedColumns({ columns }: Relation, names: readonly string[] | undefined): readonly string[] {
  return names ?? columns.filter(({ generated }: Column) => generated === '').map(({ name }) => name);
}

/** Undefined if a key is not among the columns. */
function namedBy(
  columns: readonly string[],
  { relation, keys }: { readonly relation: Relation; readonly keys: ReadonlySet<string> },
): readonly RowKey[] | undefined {
  const named = [...keys].map((key): RowKey => {
    const at = columns.indexOf(key);
    const type = relation.columns.find(({ name }) => name === key)?.type ?? 0;
    return { columns: at < 0 ? [] : [at], added: [], type };
  });
  return named.every((key) => key.columns.length > 0) ? named : undefined;
}

/** Each as often as it occurs there; a CTE's name may be among them. */
function relationsIn(draft: Draft, value: unknown): Relation[] {
  if (typeof value !== 'object' || value === null) return [];
  return fieldsOf(value).flatMap(([key, inner]) => {
    const own = key === 'RangeVar' || key === 'relation' ? relationOf(draft, inner as Named) : undefined;
    return [...(own ? [own] : []), ...relationsIn(draft, inner)];
  });
}

/** Undefined if there is no such relation along the path. */
export function relationOf({ catalog, searchPath }: Draft, { schemaname, relname }: Named): Relation | undefined {
  if (typeof relname !== 'string') return undefined;
  const schemas = schemaname ? [schemaname] : ['pg_catalog', ...searchPath];
  return schemas.map((schema) => catalog.relation(schema, relname)).find((relation) => relation !== undefined);
}
