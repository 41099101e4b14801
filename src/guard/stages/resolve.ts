/** Stage 3: names, types and functions of each query, as the role sees the database. */
import { refusal } from '../../core/refusal.ts';
import { analyze, isQuery } from '../../sql/analyze/analyze.ts';
import { as, strings } from '../../sql/parse/tree.ts';
import { typeByName } from '../../sql/types/type-name.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { RESERVED_PREFIX } from '../rewrite/names.ts';
import { targetOf, viewOf } from '../view.ts';

export const reservedNamesStage: Stage = {
  name: 'reserved names',
  run(draft: Draft): void {
    // INVARIANT 17: no name of the client's may be one that rewriting makes.
    if (!usesReservedName(draft)) return;
    const at = draft.text.toLowerCase().indexOf(RESERVED_PREFIX);
    draft.refusal = refusal('unsupported', '42939', `names that begin with "${RESERVED_PREFIX}" are reserved`, {
      hint: 'Take another name.',
      position: at < 0 ? undefined : at + 1,
    });
  },
};

export const resolveStage: Stage = {
  name: 'resolve',
  each(draft: Draft, statement: DraftStatement): void {
    if (statement.query && isQuery(statement.query)) resolve(draft, statement);
  },
};

function usesReservedName(draft: Draft): boolean {
  const text = draft.text.toLowerCase();
  if (text.includes(RESERVED_PREFIX)) return draft.statements.some((s) => s.query);
  // U&"row\\0067ate_…" spells the same name.
  return (
    text.includes('u&"') && draft.statements.some((s) => s.query && JSON.stringify(s.query).includes(RESERVED_PREFIX))
  );
}

function resolve(draft: Draft, statement: DraftStatement): void {
  const declared = statement.declaredTypes.map((node) => {
    const body = as(node, 'TypeName');
    return typeByName(draft.catalog, draft.searchPath, strings(body?.names), body?.arrayBounds?.length ?? 0)?.oid ?? 0;
  });
  const analysis = analyze(statement.query!, draft.parsed!, {
    catalog: draft.catalog,
    searchPath: draft.searchPath,
    viewOf: (relation) => viewOf(draft.role, relation),
    targetOf: (relation, writing) => targetOf(draft.role, relation, writing),
    temporary: (name) => draft.role.temporary?.get(name)?.relation,
    // What PREPARE does not declare is its own to settle, whatever the message around it declares.
    parameterTypes: statement.kind.kind === 'prepare' ? declared : draft.parameterTypes,
  });
  statement.analysis = analysis;
  // INVARIANT 18: a type that is not found here could be found by the server.
  if (declared.includes(0))
    statement.refusal = refusal('type-not-granted', '42704', 'a type of PREPARE does not exist');
}
