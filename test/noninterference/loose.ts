/** Weaker conditions and masks for the tests of the suite itself, as a bug of the product would make them. */
import type { CompileCondition, CompiledMask, CompileMask } from '../../src/policy/source/sql-source.ts';
import type { Column } from '../../src/sql/catalog/catalog.ts';
import { quoteName } from '../../src/sql/parse/tree.ts';

type Compiled = ReturnType<CompileCondition>;
type Masked = ReturnType<CompileMask>;

/** `filters`: every row passes. `aliases`: tables in its subqueries are called `r`, as a client's table may be. */
export function looseCondition(compiled: Compiled, off: ReadonlySet<string>): Compiled {
  if (Array.isArray(compiled) || !('rule' in compiled)) return compiled;
  if (off.has('filters')) return { ...compiled, filter: ['(true)'], ok: ['(true)'] };
  if (!off.has('aliases')) return compiled;
  const renamed = (template: typeof compiled.filter) =>
    template.map((piece) => (typeof piece === 'string' ? piece.replace(/rowgate_p\d+/g, 'r') : piece));
  return { ...compiled, filter: renamed(compiled.filter), ok: renamed(compiled.ok) };
}

/** `masks`: the column itself, as an expression for which the server reports no origin. */
export function looseMask(compiled: Masked, column: Column, off: ReadonlySet<string>): Masked {
  if (!('mask' in compiled) || !off.has('masks')) return compiled;
  const mask: CompiledMask['mask'] = [
    '(CASE WHEN true THEN ',
    { kind: 'row' },
    `.${quoteName(column.name)} END)::${column.typeName}`,
  ];
  return { ...compiled, mask, leaky: false };
}
