/** COPY with a table: to the client it becomes COPY of the SELECT that it is; into the table, every column that is written is named. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Body } from '../../sql/parse/tree.ts';
import { quoteName } from '../../sql/parse/tree.ts';
import { nameExtent } from '../../sql/text/extent.ts';
import type { Template } from '../../sql/text/template.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import type { DraftStatement } from '../draft.ts';
import { guardedRelation } from './guarded-relation.ts';
import { LIMIT } from './limit.ts';
import { NotRewritable, type Rewriter, selectTree } from './rewriter.ts';
import { sentName } from './sent-name.ts';

type Copy = Body<'CopyStmt'>;
type Copied = NonNullable<DraftStatement['copied']>;

/** `COPY t (a, b) TO STDOUT` becomes `COPY (SELECT a, b FROM ONLY t LIMIT n) TO STDOUT`, guarded where the table is. */
export function rewriteCopyTo(w: Rewriter, copy: Copy, copied: Copied, role: RolePolicy, bounded: boolean): void {
  const { relation, columns } = copied;
  const grant = role.relations.get(relation.oid);
  if (!grant?.select) throw new NotRewritable(`no grant for ${relation.name}`);
  if (columns.length === 0) throw new NotRewritable(`COPY of "${relation.name}" without columns`);
  const { start, end } = tableRange(w, copy);
  onlyModern(w, start, end);
  // COPY reads the table alone, not those that inherit from it.
  const source: Template =
    grant.select.whole && relation.kind === 'r'
      ? [`ONLY ${sentName(relation)}`]
      : [...guardedRelation(relation, grant.select, undefined, true), ` AS ${quoteName(relation.name)}`];
  const select: Template = [
    `SELECT ${columns.map(({ name }) => quoteName(name)).join(', ')} FROM `,
    ...source,
    ...(bounded ? [' LIMIT ', ...LIMIT] : []),
  ];
  w.edits.replace(start, end, ['(', ...select, ')']);
  const tree = selectTree(select);
  w.mutate(() => {
    copy.query = { SelectStmt: tree };
    delete copy.relation;
    delete copy.attlist;
  });
}

/** The columns are named even if the client names none: a column that is added later is not among them. */
export function rewriteCopyFrom(w: Rewriter, copy: Copy, { relation, columns }: Copied): void {
  const { start, end } = tableRange(w, copy);
  const names = columns.map(({ name }) => name);
  const list = names.length > 0 ? ` (${names.map(quoteName).join(', ')})` : '';
  w.edits.replace(start, end, [`${sentName(relation)}${list}`]);
  w.mutate(() => {
    delete copy.relation!.catalogname;
    copy.relation!.schemaname = relation.schema;
    copy.relation!.relname = relation.sentName ?? relation.name;
    if (names.length > 0) copy.attlist = names.map((sval) => ({ String: { sval } }));
  });
}

/** From the table's name to the end of its column list. */
function tableRange(w: Rewriter, copy: Copy): { start: number; end: number } {
  const tokens = w.parsed.tokens();
  const name = nameExtent(copy.relation?.location, w.parsed);
  if (!name) throw new NotRewritable('no place for the table of COPY');
  const next = tokenAt(tokens, name.end - 1) + 1;
  const close = copy.attlist ? tokens[tokens[next]?.match ?? -1] : undefined;
  if (copy.attlist && !close) throw new NotRewritable('no place for the columns of COPY');
  return { start: name.start, end: close?.end ?? name.end };
}

/** Two forms of before 7.3, which COPY of a query never had. */
function onlyModern(w: Rewriter, start: number, end: number): void {
  const tokens = w.parsed.tokens();
  const before = tokens[tokenAt(tokens, start) - 1];
  if (before?.word === 'binary') throw new NotRewritable('COPY BINARY: write WITH (FORMAT binary)');
  // After TO STDOUT.
  const behind = tokens[tokenAt(tokens, end - 1) + 3];
  if (behind?.word === 'using') throw new NotRewritable('USING DELIMITERS: write WITH (DELIMITER …)');
}
