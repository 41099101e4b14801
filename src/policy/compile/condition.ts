/**
 * Compiles the SQL of a policy (row conditions, masks) for its relation. Names are qualified, inner aliases get a reserved prefix, the row's columns
 * and the attributes become slots. SQL that is not immutable is refused.
 */
import { Buffer } from 'node:buffer';
import { type Analysis, analyzeExpression, type Env, type RelationView } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import { coercionCannotLeak } from '../../sql/analyze/leakproof-expressions.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';
import { newerForm } from '../../sql/parse/older-grammar.ts';
import { isParsed, type ParsedText, parse } from '../../sql/parse/parse.ts';
import { parserModule } from '../../sql/parse/parser-module.ts';
import { as, type Node, qualifiedName, quoteName } from '../../sql/parse/tree.ts';
import { applyEdits, Edits } from '../../sql/text/edits.ts';
import { extentOf, nameExtent } from '../../sql/text/extent.ts';
import type { Template } from '../../sql/text/template.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import { coercion } from '../../sql/types/coercion.ts';
import type { AttributeType, Condition, SqlNeeds } from '../model/policy.ts';
import type { CompileCondition, CompileMask, SqlEnvironment, SqlProblem } from '../source/sql-source.ts';
import { problemsOf } from './condition-problems.ts';
import { ambiguousNames } from './fixed-names.ts';
import { dependsOnPath, operatorsByPath, withFixedOperators } from './fixed-operators.ts';

/** A boolean condition on rows of `env.relation`, or the problems with their position in `sql`. */
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
    needs: withPathOf(filter.needs, ok.needs),
  } satisfies Condition;
};

/** `ok` is written from other SQL, which is found by the path as well. */
function withPathOf(needs: SqlNeeds, ok: SqlNeeds): SqlNeeds {
  if (ok === needs) return needs;
  const operators = [...(needs.operators ?? []), ...(ok.operators ?? [])];
  return { ...needs, ...(operators.length > 0 && { operators }), ...(ok.byPath && { byPath: true }) };
}

/** A mask for `env.column`, cast to the column's type. */
export const compileMask: CompileMask = (source, env) => {
  const mask = compile(source.sql, env, 'mask');
  if (!isCompiled(mask)) return mask;
  const way = coercion(env.catalog, mask.type, env.column.type, 'explicit');
  if (way.kind === 'impossible')
    return [{ message: `the mask cannot be cast to the type of column "${env.column.name}"`, offset: 0 }];
  const leaky = mask.leaky || !coercionCannotLeak(way) || env.column.typmod >= 0;
  return { mask: ['(', ...mask.template, `)::${env.column.typeName}`], leaky, needs: mask.needs };
};

interface Compiled {
  readonly template: Template;
  readonly type: number;
  readonly hasSubquery: boolean;
  readonly leaky: boolean;
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
  const analysis = analysisOf(parsed, node, env, parameterTypes);
  const problems = [
    ...problemsOf(analysis, node, env.catalog, what),
    ...ambiguousNames(analysis, env.catalog, env.searchPath),
  ].map((p) => ({ message: p.message, offset: toSource(p.offset) }));
  if (problems.length > 0) return problems;
  const found = {
    type: analysis.marks.expressions.get(node)?.type ?? 0,
    hasSubquery: analysis.marks.levels.length > 1,
    leaky: [...analysis.marks.expressions.values()].some((e) => !e.leakproof && !e.constant),
    reads: readColumns(analysis, env.relation),
  };
  const needs = needsOf(analysis, env.catalog);
  const text = withFixedOperators(parsed, analysis, env);
  const fixed = text === parsed.text ? { parsed, node, analysis } : readAgain(text, env, parameterTypes);
  const operators = operatorsByPath(fixed.analysis, env);
  return {
    template: rewrite(fixed.parsed, fixed.node, fixed.analysis, env, replaced),
    needs: {
      ...needs,
      ...(operators.length > 0 && { operators }),
      ...(dependsOnPath(fixed.analysis, env.catalog) && { byPath: true as const }),
    },
    ...found,
  };
}

/** The text with its operators fixed, which the first reading has found to be sound. */
function readAgain(text: string, env: SqlEnvironment, parameterTypes: readonly number[]) {
  const parsed = parse(text);
  const node = isParsed(parsed) ? soleExpression(parsed) : undefined;
  if (!isParsed(parsed) || !node) throw new Error('a condition is none with its operators fixed');
  return { parsed, node, analysis: analysisOf(parsed, node, env, parameterTypes) };
}

function analysisOf(parsed: ParsedText, node: Node, env: SqlEnvironment, parameterTypes: readonly number[]): Analysis {
  const { relation } = env;
  return analyzeExpression(node, parsed, openEnv(env, parameterTypes), relation.name, openView(relation)).analysis;
}

/** The only target of `SELECT (…)`; undefined if the text closes the parenthesis and goes on. */
function soleExpression(parsed: ParsedText): Node | undefined {
  const tokens = parsed.tokens();
  const select = as(parsed.statements[0]?.node, 'SelectStmt');
  const whole = tokens[1]?.match === tokens.length - 1;
  if (!whole || parsed.statements.length !== 1 || select?.targetList?.length !== 1) return undefined;
  const target = as(select.targetList[0], 'ResTarget');
  // A parenthesized list of expressions is a row, not one expression.
  return target?.name === undefined && !as(target?.val, 'RowExpr') ? target?.val : undefined;
}

/** Conditions read the tables without any policy. */
function openEnv(env: SqlEnvironment, parameterTypes: readonly number[]): Env {
  return { catalog: env.catalog, searchPath: env.searchPath, viewOf: openView, parameterTypes };
}

function openView(relation: Relation): RelationView {
  const columns = relation.columns.map(
    (column) => ({ column, access: 'granted', masked: false, leaky: column.generated === 'v' }) as const,
  );
  return { relation, columns, guarded: false, hides: 'no', system: relation.schema === 'pg_catalog' };
}

function readColumns(analysis: Analysis, relation: Relation): string[] {
  const names = new Set<string>();
  for (const use of analysis.uses)
    if (use.kind === 'column' && use.relation.oid === relation.oid) names.add(use.column);
  return [...names].sort();
}

/** The text with every name qualified and every slot in place. */
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
    // In parentheses, so that what follows, such as a subscript, does not apply to the literal in the slot.
    edits.replace(token.start, token.end, ['(', { kind: 'attribute', name, type, typeOid }, ')']);
  }
  const range = extentOf(node, parsed);
  if (!range) throw new Error(`a condition of ${env.relation.name} has no place in its text`);
  return ['(', ...cut(applyEdits(parsed.text, edits.sorted()), PREFIX, '\n)'), ')'];
}

/** Renames what FROM adds inside subqueries, so that these names cannot collide with a client's aliases. */
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

/** Removes the parentheses that were put around the writer's text. */
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

/** For an expression over one row, which is the first entry of its query level. */
function needsOf(analysis: Analysis, catalog: Catalog): SqlNeeds {
  const row = analysis.level?.entries[0];
  const relations = new Map<Oid, { readonly relation: Relation; readonly columns: Set<string> }>();
  for (const { entry } of analysis.marks.relations) {
    if (entry === row || entry.source.kind !== 'relation') continue;
    const { relation } = entry.source.view;
    relations.set(relation.oid, { relation, columns: new Set() });
  }
  const own = new Set<string>();
  const home = rowOf(row);
  for (const use of analysis.uses) {
    if (use.kind !== 'column') continue;
    // A column of the row's own relation may belong to the row or to another row: it counts as both.
    if (use.relation.oid === home?.oid) own.add(use.column);
    relations.get(use.relation.oid)?.columns.add(use.column);
  }
  return {
    columns: [...own].sort(),
    elsewhere: [...relations.values()].map(({ relation, columns }) => ({ relation, columns: [...columns].sort() })),
    functions: functionsOf(analysis, catalog),
    schemas: schemasOf(analysis),
  };
}

function rowOf(row: RangeTableEntry | undefined): Relation | undefined {
  return row?.source.kind === 'relation' ? row.source.view.relation : undefined;
}

function functionsOf(analysis: Analysis, catalog: Catalog): Fn[] {
  const found = new Set<Fn>();
  for (const use of analysis.uses) {
    if (use.kind === 'function') for (const fn of use.candidates) found.add(fn);
    if (use.kind !== 'operator') continue;
    for (const { fn } of use.candidates) {
      const behind = catalog.functionsByOid.get(fn);
      if (behind) found.add(behind);
    }
  }
  return [...found].filter((fn) => fn.schema !== 'pg_catalog').sort((a, b) => a.oid - b.oid);
}

function schemasOf(analysis: Analysis): string[] {
  const types = analysis.uses.flatMap((use) => (use.kind === 'type' ? [use.type.schema] : []));
  return [...new Set(types)].filter((schema) => schema !== 'pg_catalog').sort();
}

interface AttributeText {
  readonly text: string;
  /** The attributes for $1, $2, …: one for each occurrence. */
  readonly attributes: readonly AttributeType[];
  /** Maps a character offset in `text` to one in the original SQL. */
  toSource(at: number): number;
}

/**
 * Finds `:name` in a policy's SQL and replaces it by a numbered parameter, so that PostgreSQL's grammar can read the text. Problems: an attribute
 * that the role does not have, a parameter, text that does not scan.
 */
function replaceAttributes(
  sql: string,
  known: ReadonlyMap<string, AttributeType>,
): AttributeText | readonly SqlProblem[] {
  const scan = parserModule.ask((library) => library.scanSync(sql));
  if (scan instanceof Error) return [{ message: scan.message, offset: 0 }];
  const { tokens } = scan;
  const bytes = Buffer.from(sql);
  const problems: SqlProblem[] = [];
  const attributes: AttributeType[] = [];
  // The position of each replacement in the new text, and how much longer the original was.
  const shifts: { at: number; by: number }[] = [];
  let text = '';
  let from = 0;
  const chars = (byte: number): number => bytes.subarray(0, byte).toString().length;
  tokens.forEach((token, i) => {
    const start = chars(token.start);
    if (token.tokenName === 'PARAM')
      problems.push({ message: 'parameters cannot stand here: attributes are written :name', offset: start });
    const next = tokens[i + 1];
    const name = next && next.start === token.end && /^[a-z_][a-z0-9_]*$/i.test(next.text) ? next.text : undefined;
    if (token.text !== ':' || name === undefined) return;
    const attribute = known.get(name);
    if (!attribute) {
      problems.push({ message: `attribute "${name}" is not declared in this role`, offset: start });
      return;
    }
    attributes.push(attribute);
    const written = `$${attributes.length}`;
    text += sql.slice(from, start) + written;
    from = start + 1 + name.length;
    shifts.push({ at: text.length, by: 1 + name.length - written.length });
  });
  if (problems.length > 0) return problems;
  text += sql.slice(from);
  return {
    text,
    attributes,
    toSource: (at) => shifts.reduce((place, shift) => (at >= shift.at ? place + shift.by : place), at),
  };
}
