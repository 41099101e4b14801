/** Tests the extent of an expression in a statement's text: from its first token to its last, without outer brackets and comments. */
import { beforeAll, describe, expect, it } from 'vitest';
import { isParsed, loadParser, type ParsedText, parse } from '../../src/sql/parse/parse.ts';
import { as, kindOf, type Node, sameTree } from '../../src/sql/parse/tree.ts';
import { extentOf } from '../../src/sql/text/extent.ts';

beforeAll(() => loadParser());

/** Every form of expression that has an end of its own; each is read as the middle one of three targets. */
const FORMS = `
1
-1
- 1.5e3
'it''s'
E'\\n'
U&'\\0041' UESCAPE '!'
$$é$$
B'101'
NULL
$1
a
a.b
s.a.b
"Été".é
a + b * c
(a + b) * c
((a))
- a
a::int
a::numeric(10,2)
a::character varying(5)[]
a::timestamp(3) with time zone
a::double precision
a::public.mood[]
a::int array[3]
CAST(a AS national character varying(4))
date '2020-01-01'
interval '1' day
interval '1 2' day to hour
interval '1.5' second(2)
f()
f(a, b => 2)
s.f(VARIADIC a)
count(*) FILTER (WHERE a > 1)
count(DISTINCT a ORDER BY b) OVER w
sum(a) OVER (PARTITION BY b ORDER BY c ROWS 1 PRECEDING)
percentile_disc(0.5) WITHIN GROUP (ORDER BY a)
percentile_disc(0.5) WITHIN GROUP (ORDER BY a) FILTER (WHERE b)
extract(year FROM a)
substring(a FROM 1 FOR 2)
trim(both 'x' FROM a)
overlay(a PLACING b FROM 1)
position(a IN b)
a AT TIME ZONE 'UTC'
a AT LOCAL
collation for (a)
current_date
current_timestamp(3)
current_user
a IS NULL
a IS NOT NULL
a ISNULL
a NOTNULL
a IS TRUE
a IS NOT UNKNOWN
a IS DISTINCT FROM b
a IS JSON OBJECT WITH UNIQUE KEYS
a IS NFC NORMALIZED
a IS DOCUMENT
a LIKE b ESCAPE '#'
a NOT ILIKE 'x%'
a SIMILAR TO b ESCAPE 'c'
a BETWEEN 1 AND 2
a NOT BETWEEN SYMMETRIC 1 AND (2)
a IN (1, 2)
a NOT IN (SELECT 1)
a = ANY (b)
a = ALL (ARRAY[1,2])
a = ANY (SELECT 1)
EXISTS (SELECT 1 FROM t)
(SELECT 1)
ARRAY(SELECT 1)
ARRAY[1, ARRAY[2]]
a[1]
a[1:2][3]
(a).b
(a).b.c[1]
((a)).b
(f(x)).y
ROW(1, 2)
(1, 2)
(a, b) < (1, 2)
(a, b) OVERLAPS (c, d)
NOT a
a AND b OR NOT (c AND d)
CASE WHEN a THEN b ELSE c END
CASE a WHEN CASE b WHEN 1 THEN 2 END THEN 3 END
coalesce(a, b)
greatest(a, (b))
nullif(a, b)
grouping(a)
a COLLATE "C"
a COLLATE s."x y" || b
a OPERATOR(pg_catalog.+) b
json_object('a' : 1)
json_array(1, 2)
xmlelement(name x, a)
xmlserialize(content a AS text)
/* before */ a /* inside */ + /* more */ b
`
  .trim()
  .split('\n');

function middle(text: string): { parsed: ParsedText; node: Node } {
  const parsed = parse(`SELECT 'é𝄞', ${text} , 3`);
  if (!isParsed(parsed)) throw new Error(`${text}: ${parsed.message}`);
  const select = as(parsed.statements[0]?.node, 'SelectStmt');
  return { parsed, node: as(select?.targetList?.[1], 'ResTarget')!.val! };
}

/** The expected extent: the text without outer brackets and outer comments that are no part of the expression. */
function bare(text: string): string {
  let found = text.replace(/^(\/\*.*?\*\/\s*)+/, '');
  while (/^\(\(.*\)\)$/.test(found) || /^\((\w+)\)$/.test(found)) found = found.slice(1, -1);
  return found;
}

describe('the extent of an expression', () => {
  it.each(FORMS)('%s', (form) => {
    const { parsed, node } = middle(form);
    const extent = extentOf(node, parsed);
    expect(extent && parsed.text.slice(extent.start, extent.end)).toBe(bare(form));
  });

  it.each(FORMS)('parses again to each part of: %s', (form) => {
    const { parsed, node } = middle(form);
    for (const part of expressionsIn(node)) {
      const extent = extentOf(part, parsed);
      if (!extent) continue;
      const text = parsed.text.slice(extent.start, extent.end);
      const again = parse(`SELECT ${text}`);
      const found = isParsed(again) ? as(again.statements[0]?.node, 'SelectStmt')?.targetList?.[0] : undefined;
      expect(sameTree(as(found, 'ResTarget')?.val, part), `${kindOf(part)}: ${text}`).toBe(true);
    }
  });
});

const EXPRESSIONS =
  /^(A_Expr|FuncCall|ColumnRef|TypeCast|SubLink|CaseExpr|CoalesceExpr|MinMaxExpr|BoolExpr|NullTest|BooleanTest|A_ArrayExpr|A_Indirection|CollateClause)$/;

/** The expressions in a tree that have their own text: those that PostgreSQL's grammar makes of part of a form are left out. */
function expressionsIn(value: unknown, found: Node[] = []): Node[] {
  if (Array.isArray(value)) for (const item of value) expressionsIn(item, found);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      // The IN of NOT IN shares its text with the NOT.
      const negated = key === 'BoolExpr' && JSON.stringify(inner).startsWith('{"boolop":"NOT_EXPR","args":[{"SubLink"');
      const ofEscape = (inner as { funcname?: Node[] }).funcname?.some((n) =>
        /escape$/.test(as(n, 'String')?.sval ?? ''),
      );
      if (EXPRESSIONS.test(key) && !ofEscape) found.push({ [key]: inner } as unknown as Node);
      if (!negated) expressionsIn(inner, found);
    }
  }
  return found;
}
