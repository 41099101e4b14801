/** Whom a COPY of an unrestricted role shows: the server says nothing of the columns that it sends, so what it names is looked at. */
import type { Column, Relation } from '../../sql/catalog.ts';
import { type Body, fieldsOf, type Node, strings } from '../../sql/tree.ts';
import type { PeopleOfRow } from '../decision.ts';
import type { Draft } from '../draft.ts';
import type { Holders } from '../people/holders.ts';

interface Named {
  readonly schemaname?: string;
  readonly relname?: string;
}

/** INVARIANT: what a query makes of its tables is not followed: each of them is somebody in each row, and nobody knows who. */
export function peopleOfCopy(draft: Draft, copy: Body<'CopyStmt'>): readonly PeopleOfRow[] {
  const table = copy.relation && relationOf(draft, copy.relation);
  const columns = table && copiedColumns(table, copy.attlist && strings(copy.attlist));
  const read = copy.query ? relationsIn(draft, copy.query) : table ? [table] : [];
  const people: PeopleOfRow[] = [];
  for (const holders of draft.holders) {
    let unnamed = 0;
    const ways: { readonly keys: readonly number[] }[] = [];
    for (const relation of read) {
      const { keys, inside } = holders.of(relation);
      unnamed += inside;
      if (!columns) unnamed += keys.size;
      else for (const key of keys) ways.push({ keys: placeOf(columns, key) });
    }
    if (ways.length + unnamed > 0) people.push({ subject: holders.subject.name, ways, unnamed });
  }
  return people;
}

/** The subjects of which the text names relations with a key: whatever is made of these may tell of somebody. */
export function aboutIn(draft: Draft, node: Node): readonly string[] {
  if (draft.holders.length === 0) return [];
  const named = relationsIn(draft, node);
  const holds = (holders: Holders): boolean =>
    named.some((relation) => holders.of(relation).keys.size > 0 || holders.of(relation).inside > 0);
  return draft.holders.filter(holds).map(({ subject }) => subject.name);
}

/** As PostgreSQL's CopyGetAttnums. */
function copiedColumns({ columns }: Relation, names: readonly string[] | undefined): readonly string[] {
  return names ?? columns.filter(({ generated }: Column) => generated === '').map(({ name }) => name);
}

function placeOf(columns: readonly string[], key: string): readonly number[] {
  const at = columns.indexOf(key);
  return at < 0 ? [] : [at];
}

/** Each as often as it stands there; a CTE's name may be among them. */
function relationsIn(draft: Draft, value: unknown): Relation[] {
  if (typeof value !== 'object' || value === null) return [];
  return fieldsOf(value).flatMap(([key, inner]) => {
    const own = key === 'RangeVar' || key === 'relation' ? relationOf(draft, inner as Named) : undefined;
    return [...(own ? [own] : []), ...relationsIn(draft, inner)];
  });
}

export function relationOf({ catalog, searchPath }: Draft, { schemaname, relname }: Named): Relation | undefined {
  if (typeof relname !== 'string') return undefined;
  const schemas = schemaname ? [schemaname] : ['pg_catalog', ...searchPath];
  return schemas.map((schema) => catalog.relation(schema, relname)).find((relation) => relation !== undefined);
}
