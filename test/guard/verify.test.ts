/** Tests the verification of sent text with something shorter in the place of each guarded subquery: it must find what the whole text would show. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Draft, stepsOf } from '../../src/guard/draft.ts';
import { Guard } from '../../src/guard/guard.ts';
import { subqueryFragment } from '../../src/guard/rewrite/parsed-fragments.ts';
import { placeholders } from '../../src/guard/rewrite/placeholders.ts';
import { Rewriter } from '../../src/guard/rewrite/rewriter.ts';
import { verifyStage } from '../../src/guard/stages/verify.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { isParsed, loadParser, type ParsedText, parse } from '../../src/sql/parse/parse.ts';
import { as, type Node, replaceInPlace, sameTree } from '../../src/sql/parse/tree.ts';
import { UNLIMITED_WORK } from '../../src/sql/parse/work-limit.ts';
import { applyEdits, type Edit } from '../../src/sql/text/edits.ts';
import type { Template } from '../../src/sql/text/template.ts';
import { readCases } from '../decisions/cases.ts';
import { catalogOf, loadPolicies } from '../decisions/policies.ts';
import { emptyCatalog } from '../support/empty-catalog.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

beforeAll(() => loadParser());

function parsedOf(text: string): ParsedText {
  const parsed = parse(text, { mostTokens: Number.POSITIVE_INFINITY });
  if (!isParsed(parsed)) throw new Error(`${parsed.message}: ${text}`);
  return parsed;
}

describe('golden cases', () => {
  let database: FreshDatabase;
  let catalog: Catalog;
  beforeAll(async () => {
    database = await freshDatabase();
    for (const file of ['schema.sql', 'writes.sql', 'schema-library.sql'])
      await database.query(readFileSync(join(import.meta.dirname, '../decisions', file), 'utf8'));
    catalog = await catalogOf(database);
  });
  afterAll(() => database?.drop());

  test('the whole text has the tree of the short one with each subquery in its place', () => {
    const policies = loadPolicies(catalog, join(import.meta.dirname, '../decisions/policies'));
    let compared = 0;
    for (const { role, cases } of readCases()) {
      const guard = new Guard({ catalog, role: policies.of(role).role, searchPath: ['public'] });
      for (const { sql } of cases) {
        const edits = guard.judge(sql).edits as readonly Edit[];
        if (!edits.some(({ short }) => short)) continue;
        const subqueries = new Map(edits.flatMap((edit) => (edit.short ? [subqueryOf(edit.text, edit.short)] : [])));
        const whole = parsedOf(placeholders(applyEdits(sql, edits)));
        const short = parsedOf(
          placeholders(
            applyEdits(
              sql,
              edits.map(({ short, ...e }) => ({ ...e, text: short ?? e.text })),
            ),
          ),
        );
        const nodes = short.statements.map(({ node }) => withSubqueries(node, subqueries) as Node);
        expect(whole.statements.length).toBe(nodes.length);
        for (const [i, { node }] of whole.statements.entries()) expect(sameTree(node, nodes[i]), sql).toBe(true);
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(300);
  });
});

/** The name of the stand-in, and the tree of the subquery that it replaces. */
function subqueryOf(text: Template, short: Template): [string, Node] {
  const [, standIn, alias = ''] = /^\s*\(SELECT (rowgate_piece_\d+)\)(.*)$/s.exec(placeholders(short))!;
  const subquery = placeholders(text).slice(0, placeholders(text).length - alias.length);
  const [item] = as(parsedOf(`SELECT FROM ${subquery} AS x`).statements[0]!.node, 'SelectStmt')!.fromClause!;
  return [standIn!, as(item, 'RangeSubselect')!.subquery!];
}

function withSubqueries(part: unknown, subqueries: ReadonlyMap<string, Node>): unknown {
  if (typeof part !== 'object' || part === null) return part;
  if (Array.isArray(part)) return part.map((inner) => withSubqueries(inner, subqueries));
  const [only, more] = as(part as Node, 'SelectStmt')?.targetList ?? [];
  const field = as(as(as(only, 'ResTarget')?.val, 'ColumnRef')?.fields?.[0], 'String')?.sval;
  const found = more || field === undefined ? undefined : subqueries.get(field);
  return found ?? Object.fromEntries(Object.entries(part).map(([k, inner]) => [k, withSubqueries(inner, subqueries)]));
}

describe('an edit that is not what is meant', () => {
  const SUBQUERY = ['(SELECT a FROM s)'];

  /** Replaces `t` in the tree, and in the text what `place` matches. */
  function verified(text: string, place: RegExp, serverVersion?: number, meant = SUBQUERY): Draft {
    const parsed = parsedOf(text);
    const w = new Rewriter(parsed);
    const { index, 0: found } = place.exec(text)!;
    w.replaceBySubquery({ start: index, end: index + found.length }, SUBQUERY, ' AS t');
    const subquery = subqueryFragment(meant)!.subquery;
    for (const { node } of parsed.statements) {
      const item = as(node, 'SelectStmt')!.fromClause![0]!;
      w.mutate(() => replaceInPlace(item, { RangeSubselect: { subquery, alias: { aliasname: 't' } } }));
    }
    w.applyToTree();
    const draft = {
      text,
      catalog: emptyCatalog(serverVersion),
      searchPath: [],
      workLimit: UNLIMITED_WORK,
      parsed,
      statements: parsed.statements,
      edits: w.edits.sorted(),
      pieces: w.pieces(),
      refusal: undefined,
    } as unknown as Draft;
    Array.from(stepsOf(verifyStage, draft));
    return draft;
  }

  test.each([180_000, 140_000])('is refused, to a server of version %s', (version) => {
    expect(verified('SELECT a FROM t, u', /\bt\b/, version).refusal).toBeUndefined();
    expect(verified('SELECT a FROM t, u', /\bu\b/, version).refusal?.reason).toBe('not-verified');
    expect(verified("SELECT 't' FROM t", /\bt\b/, version).refusal?.reason).toBe('not-verified');
    expect(verified('SELECT a FROM t -- u', /\bu\b/, version).refusal?.reason).toBe('not-verified');
    expect(verified('SELECT a FROM t', /\bt\b/, version, ['(SELECT b FROM s)']).refusal?.reason).toBe('not-verified');
  });

  test('a piece that is more than one subquery is refused', () => {
    for (const text of [
      '(SELECT 1) AS y, (SELECT 2)',
      '(SELECT 1) -- ',
      '(SELECT 1) AS x --)',
      '(SELECT 1) AS x; SELECT FROM (SELECT 2)',
      '(t)',
      't',
    ])
      expect(subqueryFragment([text]), text).toBeUndefined();
    expect(subqueryFragment(['(SELECT 1)'])).toBeDefined();
  });

  test('a fragment that many statements share cannot be changed by one of them', () => {
    const { subquery } = subqueryFragment(['(SELECT a FROM s)'])!;
    expect(() => as(subquery, 'SelectStmt')!.fromClause!.pop()).toThrow(TypeError);
  });
});
