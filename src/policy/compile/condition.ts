/**
 * Compiles the SQL of a policy (row conditions, masks) against the relation that it stands for: names qualified, inner aliases
 * renamed to a reserved prefix, the row's own columns behind a slot, attributes as slots; refused unless it is immutable.
 */
import { type Analysis, analyzeExpression, type Env, type RelationView } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import { coercionCannotLeak } from '../../sql/analyze/leakproof-expressions.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import { newerForm } from '../../sql/parse/older-grammar.ts';
import { isParsed, type ParsedText, parse } from '../../sql/parse/parse.ts';
import { as, type Node, qualifiedName, quoteName } from '../../sql/parse/tree.ts';
import { applyEdits, Edits } from '../../sql/text/edits.ts';
import { extentOf, nameExtent } from '../../sql/text/extent.ts';
import type { Template } from '../../sql/text/template.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import { coercion } from '../../sql/types/coercion.ts';
import type { Condition, SqlNeeds } from '../model/policy.ts';
import { type AttributeText, replaceAttributes } from '../source/attribute-references.ts';
import type { CompileCondition, CompileMask, SqlEnvironment, SqlProblem } from '../source/sql-source.ts';
import { problemsOf } from './condition-problems.ts';
import { needsOf } from './needs.ts';

/** A boolean condition on rows of `env.relation`; problems with their place in `sql`. */
export const compileCondition: CompileCondition = (source, env) => {
  const filter = compile(source.sql, env, 'condition');
  if (!isCompiled(filter)) return filter;
  const ok = source.okSql === undefined ? filter : compile(source.okSql, env, 'condition');
  if (!isCompiled(ok)) return ok;
  return {
    filter: filter.template,
    ok: ok.template,
    evaluated: filter.hasSubquery ? 'join' : 'scan',
    rule: source.rule,
    reads: filter.reads,
    needs: filter.needs,
  } satisfies Condition;
};

/** A mask for `env.column`, cast to the column's type. */
export const compileMask: CompileMask = (source, env) => {
  const mask = compile(source.sql, env, 'mask');
  if (!isCompiled(mask)) return mask;
  const way = coercion(env.catalog, mask.type, env.column.type, 'explicit');
  if (way.kind === 'impossible')
    return [{ message: `the mask cannot be cast to the type of column "${env.column.name}"`, offset: 0 }];
  const tells = mask.tells || !coercionCannotLeak(way) || env.column.typmod >= 0;
  return { mask: ['(', ...mask.template, `)::${env.column.typeName}`], tells, needs: mask.needs };
};

interface Compiled {
  readonly template: Template;
  readonly type: number;
  readonly hasSubquery: boolean;
  readonly tells: boolean;
  readonly reads: readonly string[];
  readonly needs: SqlNeeds;
}

function isCompiled(outcome: Compiled | readonly SqlProblem[]): outcome is Compiled {
  return 'template' in outcome;
}

const PREFIX = 'SELECT (';

function compile(sql: string, env: SqlEnvironment, what: 'condition' | 'mask'): Compiled | readonly SqlProblem[] {
  const replaced = replaceAttributes(sql, env.attributes);
  if (!('text' in replaced)) return replaced;
  const toSource = (at: number): number => replaced.toSource(Math.max(0, at - PREFIX.length));
  const parsed = parse(`${PREFIX}${replaced.text}\n)`);
  if (!isParsed(parsed)) return [{ message: parsed.message, offset: toSource((parsed.position ?? 1) - 1) }];
  const newer = newerForm(parsed, env.catalog, env.searchPath);
  if (newer) {
    const message = `"${newer.word}" is not supported before PostgreSQL ${newer.since}, and the server is older`;
    return [{ message, offset: toSource(newer.at) }];
  }
  const node = soleExpression(parsed);
  if (!node) return [{ message: `expected one SQL expression as a ${what}`, offset: 0 }];
  const parameterTypes = replaced.attributes.map((a) => a.typeOid);
  const { analysis } = analyzeExpression(
    node,
    parsed,
    openEnv(env, parameterTypes),
    env.relation.name,
    openView(env.relation),
  );
  const problems = problemsOf(analysis, node, env.catalog, what).map((p) => ({
    message: p.message,
    offset: toSource(p.offset),
  }));
  if (problems.length > 0) return problems;
  return {
    template: rewrite(parsed, node, analysis, env, replaced),
    type: analysis.marks.expressions.get(node)?.type ?? 0,
    hasSubquery: analysis.marks.levels.length > 1,
    tells: [...analysis.marks.expressions.values()].some((e) => !e.sound && !e.constant),
    reads: readColumns(analysis, env.relation),
    needs: needsOf(analysis, env.catalog),
  };
}

/** The one target of `SELECT (…)`; undefined where the text closes the bracket and goes on. */
function soleExpression(parsed: ParsedText): Node | undefined {
  const tokens = parsed.tokens();
  const select = as(parsed.statements[0]?.node, 'SelectStmt');
  const whole = tokens[1]?.match === tokens.length - 1;
  if (!whole || parsed.statements.length !== 1 || select?.targetList?.length !== 1) return undefined;
  const target = as(select.targetList[0], 'ResTarget');
  // A row of several expressions is none.
  return target?.name === undefined && !as(target?.val, 'RowExpr') ? target?.val : undefined;
}

/** Conditions read the raw tables, granted or not. */
function openEnv(env: SqlEnvironment, parameterTypes: readonly number[]): Env {
  return { catalog: env.catalog, searchPath: env.searchPath, viewOf: openView, parameterTypes };
}

function openView(relation: Relation): RelationView {
  const columns = relation.columns.map(
    (column) => ({ column, access: 'granted', masked: false, tells: column.generated === 'v' }) as const,
  );
  return { relation, columns, guarded: false, hides: 'no', system: relation.schema === 'pg_catalog' };
}

function readColumns(analysis: Analysis, relation: Relation): string[] {
  const names = new Set<string>();
  for (const use of analysis.uses)
    if (use.kind === 'column' && use.relation.oid === relation.oid) names.add(use.column);
  return [...names].sort();
}

/** The text with every name made unmistakable and every slot in its place. */
function rewrite(
  parsed: ParsedText,
  node: Node,
  analysis: Analysis,
  env: SqlEnvironment,
  attributes: AttributeText,
): Template {
  const edits = new Edits(parsed.text);
  const row = analysis.level?.entries[0];
  renameEntries(parsed, analysis, edits, row);
  for (const [reference, { entry, column }] of analysis.marks.references) {
    const range = extentOf(reference, parsed);
    if (!range) continue;
    if (entry === row) edits.replace(range.start, range.end, [{ kind: 'row' }, `.${quoteName(column.name)}`]);
    else if (entry.source.kind !== 'join')
      edits.replace(range.start, range.end, [spell(entry, column) ?? quoteName(column.name)]);
  }
  for (const { body, fn } of analysis.marks.functions) insert(parsed, edits, body.location, `${quoteName(fn.schema)}.`);
  for (const { body, type } of analysis.marks.types) {
    if (body.names?.length === 1) insert(parsed, edits, body.location, `${quoteName(type.schema)}.`);
  }
  for (const token of parsed.tokens()) {
    if (!/^\$\d/.test(token.text)) continue;
    const attribute = attributes.attributes[Number(token.text.slice(1)) - 1];
    if (!attribute) throw new Error(`no attribute behind ${token.text}`);
    const { name, type, typeOid } = attribute;
    // In brackets: what stands behind it, a subscript say, must not join the literal that fills the slot.
    edits.replace(token.start, token.end, ['(', { kind: 'attribute', name, type, typeOid }, ')']);
  }
  const range = extentOf(node, parsed);
  if (!range) throw new Error(`a condition of ${env.relation.name} has no place in its text`);
  return ['(', ...cut(applyEdits(parsed.text, edits.sorted()), PREFIX, '\n)'), ')'];
}

/** Renames what FROM makes visible inside subqueries, so that no alias of a client's can be meant by it, nor mean it. */
function renameEntries(parsed: ParsedText, analysis: Analysis, edits: Edits, row: RangeTableEntry | undefined): void {
  const tokens = parsed.tokens();
  let next = 0;
  for (const { node, entry } of analysis.marks.relations) {
    if (entry === row || entry.source.kind !== 'relation') continue;
    next += 1;
    entry.rename = `rowgate_p${next}`;
    const body = as(node, 'RangeVar')!;
    const name = nameExtent(body.location, parsed);
    if (!name) continue;
    const { relation } = entry.source.view;
    let end = tokenAt(tokens, name.end - 1);
    if (body.alias && !body.alias.colnames?.length) {
      end += 1;
      if (tokens[end]?.word === 'as') end += 1;
    }
    edits.replace(name.start, tokens[end]!.end, [
      `${qualifiedName(relation.schema, relation.name)} AS ${entry.rename}`,
    ]);
  }
}

function insert(parsed: ParsedText, edits: Edits, location: number | undefined, text: string): void {
  const range = nameExtent(location, parsed);
  if (range) edits.replace(range.start, range.start, [text]);
}

/** Takes the brackets that were put around the writer's text off again. */
function cut(template: Template, before: string, after: string): Template {
  return template
    .map((piece, i) => {
      if (typeof piece !== 'string') return piece;
      const start = i === 0 ? before.length : 0;
      const text = i === template.length - 1 ? piece.slice(0, piece.length - after.length) : piece;
      return text.slice(start);
    })
    .filter((piece) => piece !== '');
}
