/** What a role may read and write, before and after, relation by relation. */
import type { ColumnGrant, RelationGrant, RolePolicy, SelectGrant, WriteGrant } from '../../policy/model/policy.ts';
import { sqlOf } from '../../policy/review/access.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import { compareFields, isEqualData, less, more, type PolicyDifference, unproven } from './change.ts';
import { compareConditions } from './conditions.ts';

/** System catalogs show what was granted: if grants shrink, so does their content. */
export function compareGrants(before: RolePolicy['relations'], after: RolePolicy['relations']): PolicyDifference[] {
  const oids = new Set([...before.keys(), ...after.keys()]);
  return [...oids].flatMap((oid) => {
    const [old, now] = [before.get(oid), after.get(oid)];
    const { relation, system } = (now ?? old)!;
    if (relation.persistence === 't') return [];
    const name = nameOf(relation);
    if (system) {
      if (old?.named === now?.named) return [];
      return [(now?.named ? more : less)(`reads ${name} ${now?.named ? 'whole' : 'where it concerns its grants'}`)];
    }
    const nothing: RelationGrant = { relation, system: false, rule: '' };
    return compareFields<RelationGrant>(old ?? nothing, now ?? nothing, {
      relation: 'derived',
      rule: 'derived',
      system: 'derived',
      named: 'derived',
      // Of a table that is granted in one of both they follow from the subjects.
      subjectKeys: old && now ? unproven(`${name}: other columns say whom a row is about`) : 'derived',
      select: (one, other) => compareSelect(one, other, relation),
      insert: (one, other) => compareWrite(one, other, relation, 'insert into'),
      update: (one, other) => compareWrite(one, other, relation, 'update'),
      delete: (one, other) => compareWrite(one, other, relation, 'delete from'),
      sequence: (one = new Set(), other = new Set()) => [
        ...[...other].filter((right) => !one.has(right)).map((right) => more(`has ${right} of ${name}`)),
        ...[...one].filter((right) => !other.has(right)).map((right) => less(`has no longer ${right} of ${name}`)),
      ],
    });
  });
}

function compareSelect(
  before: SelectGrant | undefined,
  after: SelectGrant | undefined,
  relation: Relation,
): PolicyDifference[] {
  const name = nameOf(relation);
  if (!after) return [less(`no longer reads ${name}`)];
  const columns = [...new Set([...(before?.columns.keys() ?? []), ...after.columns.keys()])].flatMap((column) =>
    compareColumn(before, before?.columns.get(column), after.columns.get(column), `${name}.${column}`, relation),
  );
  if (!before) return columns.length > 0 ? columns : [more(`finds rows of ${name}`)];
  return [
    ...columns,
    ...compareFields(before, after, {
      columns: 'derived',
      conditions: (one, other) => compareConditions(one, other, relation, name),
      whole: 'derived',
      rule: 'derived',
    }),
  ];
}

function compareColumn(
  select: SelectGrant | undefined,
  before: ColumnGrant | undefined,
  after: ColumnGrant | undefined,
  name: string,
  relation: Relation,
): PolicyDifference[] {
  const was = before ? (before.mask ? 'masked' : 'plain') : 'withheld';
  if (!after) return [less(`no longer sees ${name}`)];
  if (!after.mask) return was === 'plain' ? [] : [more(`sees ${name} (${was} before)`)];
  if (before?.mask && isEqualData(before.mask, after.mask)) return [];
  const words = `sees ${name} masked by ${sqlOf(after.mask, relation)} (${before?.mask ? `by ${sqlOf(before.mask, relation)}` : was} before)`;
  return [was === 'plain' && showsKnown(select, after) ? less(words) : more(words)];
}

/** The mask is made of columns that were seen as they are, by the server's own functions, and of nothing else. */
function showsKnown(before: SelectGrant | undefined, { maskNeeds }: ColumnGrant): boolean {
  if (!maskNeeds) return false;
  const { columns, elsewhere, functions } = maskNeeds;
  const isPlain = (column: string): boolean => {
    const grant = before?.columns.get(column);
    return grant !== undefined && !grant.mask;
  };
  return elsewhere.length === 0 && functions.length === 0 && columns.every(isPlain);
}

function compareWrite(
  before: WriteGrant | undefined,
  after: WriteGrant | undefined,
  relation: Relation,
  verb: string,
): PolicyDifference[] {
  const name = nameOf(relation);
  if (!after) return [less(`may no longer ${verb} ${name}`)];
  if (!before) return [more(`may ${verb} ${name}`)];
  return compareFields(before, after, {
    columns: (one, other) => [
      ...[...other].filter((column) => !one.has(column)).map((column) => more(`may ${verb} ${name}.${column}`)),
      ...[...one]
        .filter((column) => !other.has(column))
        .map((column) => less(`may no longer ${verb} ${name}.${column}`)),
    ],
    conditions: (one, other) => compareConditions(one, other, relation, `${name} (${verb})`),
    whole: 'derived',
    rule: 'derived',
    through: 'derived',
  });
}

function nameOf({ schema, name }: Relation): string {
  return `${schema}.${name}`;
}
