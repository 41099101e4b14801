/** Resolves ON CONFLICT: how it infers an index, and what is done with the conflicting row. */
import type { Body } from '../parse/tree.ts';
import { as, strings } from '../parse/tree.ts';
import { setList } from './assigned-columns.ts';
import type { Write } from './findings.ts';
import type { Resolver } from './resolver.ts';
import { condition } from './root.ts';
import { lateScope, scopeOf, shadow, use } from './target.ts';

/** Records the reads of its index columns, and the writes of DO UPDATE. */
export function resolveConflict(r: Resolver, clause: Body<'OnConflictClause'>, write: Write): void {
  const { level } = write;
  if (clause.infer) {
    // A conflict reveals the existing row's values in these columns.
    use(r, write, 'select');
    infer(r, clause.infer, write);
  }
  if (clause.action !== 'ONCONFLICT_UPDATE') return;
  use(r, write, 'select');
  const excluded = shadow(r, write, 'excluded');
  setList(r, clause.targetList, lateScope(level), write);
  if (clause.whereClause) condition(r, clause.whereClause, 'row', lateScope(level), 'WHERE');
  if (excluded) excluded.nameVisible = false;
}

/**
 * Of the server itself, and in every database: they choose among indexes over columns that are read anyway. Of others a name would tell
 * whether there is one.
 */
const COLLATIONS: ReadonlySet<string> = new Set(['default', 'C', 'POSIX', 'ucs_basic']);
const OPERATOR_CLASSES: ReadonlySet<string> = new Set(
  `text varchar bpchar name bytea int2 int4 int8 float4 float8 numeric oid bool uuid date time timetz timestamp timestamptz
  interval inet cidr macaddr bit varbit text_pattern varchar_pattern bpchar_pattern jsonb array range enum`
    .split(/\s+/)
    .map((type) => `${type}_ops`),
);

function isOfServer(parts: readonly string[], known: ReadonlySet<string>): boolean {
  const [schema, name] = parts.length > 1 ? parts : ['pg_catalog', parts[0]];
  return parts.length < 3 && schema === 'pg_catalog' && known.has(name ?? '');
}

function infer(r: Resolver, clause: Body<'InferClause'>, write: Write): void {
  const scope = scopeOf(write.level);
  for (const item of clause.indexElems ?? []) {
    const element = as(item, 'IndexElem');
    if (element?.expr) r.expression(element.expr, scope);
    else if (element?.name) readable(r, write, element.name);
    const named = [
      [strings(element?.collation), COLLATIONS],
      [strings(element?.opclass), OPERATOR_CLASSES],
    ] as const;
    for (const [parts, known] of named)
      if (parts.length > 0 && !isOfServer(parts, known))
        r.unsupported(
          `ON CONFLICT with "${parts.join('.')}", which is not on the list,`,
          undefined,
          'Name the columns alone.',
        );
  }
  if (clause.whereClause) r.expression(clause.whereClause, scope);
  if (clause.conname) constraint(r, clause.conname, write);
}

/** A column by which rows are found is one that is read. */
function readable(r: Resolver, write: Write, name: string): void {
  r.expression({ ColumnRef: { fields: [{ String: { sval: name } }] } }, scopeOf(write.level));
}

function constraint(r: Resolver, name: string, write: Write): void {
  if (write.target?.source.kind !== 'relation') return;
  const { relation } = write.target.source.view;
  const found = relation.constraints.find((c) => c.name === name);
  // A constraint reads its columns: refused if these cannot be determined.
  if (!found) {
    const message = `constraint "${name}" for table "${relation.name}" does not exist`;
    r.refuse('column-unknown', '42704', message);
    return;
  }
  for (const attnum of found.columns) {
    const column = relation.columns.find((c) => c.attnum === attnum);
    if (column) readable(r, write, column.name);
    else r.unsupported(`ON CONFLICT ON CONSTRAINT "${name}", which is on an expression`, undefined, 'Name columns.');
  }
}
