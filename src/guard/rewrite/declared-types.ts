/** Declares the parameters of a PREPARE as what they were taken for: the server would settle them by rules of its own. */
import { type Analysis, toldTypes } from '../../sql/analyze/analyze.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { as, qualifiedName, strings } from '../../sql/parse/tree.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import type { DraftStatement } from '../draft.ts';
import { expressionTree, NotRewritable, type Rewriter } from './rewriter.ts';

/** INVARIANT 19: the judged statement is the one that runs: parameters of other types would choose other operators for the same text. */
export function declareParameters(
  w: Rewriter,
  { node, start, readAs }: DraftStatement,
  analysis: Analysis,
  catalog: Catalog,
): void {
  const types = toldTypes(analysis).map((type, at) => readAs.get(at + 1) ?? type);
  const body = as(node, 'PrepareStmt');
  if (!body || types.every((type) => type === 0)) return;
  if (body.argtypes?.length) {
    const open = body.argtypes.some((type) => strings(as(type, 'TypeName')?.names).at(-1) === 'unknown');
    if (open || types.length > body.argtypes.length)
      throw new NotRewritable('PREPARE that declares some of its parameters and not others');
    return;
  }
  const names = types.map((oid) => {
    const type = catalog.typesByOid.get(oid);
    return type ? qualifiedName(type.schema, type.name) : 'pg_catalog.unknown';
  });
  const tokens = w.parsed.tokens();
  const name = tokens[tokenAt(tokens, start) + 1];
  if (!name) throw new NotRewritable('no place for the types of PREPARE');
  w.edits.append(name.end, [`(${names.join(', ')})`]);
  const trees = names.map((type) => as(expressionTree([`NULL::${type}`]), 'TypeCast')!.typeName!);
  w.mutate(() => {
    body.argtypes = trees.map((TypeName) => ({ TypeName }));
  });
}
