/** Row conditions for several principals at once: a native role serves all of them, and sees the union of their rows. */

import type { Condition, Principal } from '../policy/model/policy.ts';
import type { Slot, Template } from '../sql/text/template.ts';
import { sqlLiteral } from './sql-text.ts';

export interface UnionOfRows {
  /** The only slots left are row slots. `(true)` if nothing restricts. */
  readonly template: Template;
  /** Attributes with no value before a token comes: conditions that use them are left out. */
  readonly unknown: readonly string[];
}

type Attribute = Extract<Slot, { kind: 'attribute' }>;

/** The rows that meet all `conditions` for at least one of `principals`. Without principals: no row. */
export function forAnyOf(conditions: readonly Condition[], principals: readonly Principal[]): UnionOfRows {
  const unknown = new Set<string>();
  const known = conditions.filter(({ filter }) => {
    const missing = attributes(filter).filter(({ name }) => principals.some((p) => !p.attributes.has(name)));
    for (const { name } of missing) unknown.add(name);
    return missing.length === 0;
  });
  const plain = known.filter(({ filter }) => attributes(filter).length === 0);
  const personal = known.filter(({ filter }) => attributes(filter).length > 0);
  const parts = [...plain.map(({ filter }) => filter), ...(personal.length > 0 ? [anyOf(personal, principals)] : [])];
  return { template: parts.length === 0 ? ['(true)'] : joined(parts, ' AND '), unknown: [...unknown] };
}

/** The template with the principals' values filled in, if all have the same; undefined if values differ or are unknown. */
export function alikeFor(template: Template, principals: readonly Principal[]): Template | undefined {
  const names = [...new Set(attributes(template).map(({ name }) => name))];
  if (names.length === 0) return template;
  const [first, ...others] = principals;
  if (!first || names.some((name) => !first.attributes.has(name))) return undefined;
  const alike = others.every(({ attributes: values }) => names.every((n) => values.get(n) === first.attributes.get(n)));
  return alike ? filled(template, first.attributes) : undefined;
}

/** At least one of the alternatives. */
export function either(alternatives: readonly Template[]): Template {
  return joined(alternatives, ' OR ');
}

function anyOf(conditions: readonly Condition[], principals: readonly Principal[]): Template {
  const names = [...new Set(conditions.flatMap(({ filter }) => attributes(filter).map(({ name }) => name)))];
  const seen = new Map<string, ReadonlyMap<string, string>>();
  for (const { attributes: values } of principals) {
    seen.set(JSON.stringify(names.map((name) => values.get(name))), values);
  }
  const [only] = conditions;
  if (seen.size > 1 && only && conditions.length === 1) {
    const listed = asList(only.filter, [...seen.values()]);
    if (listed) return listed;
  }
  const each = [...seen.values()].map((values) =>
    joined(
      conditions.map(({ filter }) => filled(filter, values)),
      ' AND ',
    ),
  );
  return each.length === 0 ? ['(false)'] : joined(each, ' OR ');
}

const NAME = '(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)';
/**
 * `row.column = (…)`, and `row.column IN (SELECT … WHERE (alias.column = (…)))`: the only forms that are known to mean the same with a list as with
 * OR.
 */
const BEFORE = new RegExp(
  `^\\.${NAME}(?: IN \\(SELECT ${NAME}\\.${NAME} FROM ${NAME}\\.${NAME} AS ${NAME} WHERE \\(${NAME}\\.${NAME})? = \\($`,
);

/** One list in place of many ORs, so that the server can use an index. */
function asList(filter: Template, values: readonly ReadonlyMap<string, string>[]): Template | undefined {
  const [open, row, before, slot, after, ...more] = merged(filter);
  if (open !== '(' || more.length > 0 || typeof before !== 'string' || typeof after !== 'string') return undefined;
  if (typeof row !== 'object' || row.kind !== 'row' || typeof slot !== 'object' || slot.kind !== 'attribute')
    return undefined;
  // Only brackets may follow: no NOT, no further condition.
  if (!BEFORE.test(before) || !/^\)[\s)]*$/.test(after) || slot.type.endsWith('[]')) return undefined;
  const elements = values.map((of) => `"${attributeOf(slot, of).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
  const array = `${sqlLiteral(`{${elements.join(',')}}`)}::${slot.type}[]`;
  return [open, row, `${before.slice(0, -1)}ANY (${array}${after}`];
}

function filled(filter: Template, values: ReadonlyMap<string, string>): Template {
  return filter.map((piece) => {
    if (typeof piece === 'string' || piece.kind === 'row') return piece;
    if (piece.kind === 'limit') throw new Error('a condition holds no limit');
    return `${sqlLiteral(attributeOf(piece, values))}::${piece.type}`;
  });
}

function attributeOf({ name }: Attribute, values: ReadonlyMap<string, string>): string {
  const value = values.get(name);
  if (value === undefined) throw new Error(`principal has no attribute "${name}"`);
  return value;
}

function attributes(template: Template): Attribute[] {
  return template.filter((piece): piece is Attribute => typeof piece === 'object' && piece.kind === 'attribute');
}

function joined(parts: readonly Template[], word: string): Template {
  const [first, ...rest] = parts;
  if (first && rest.length === 0) return first;
  return ['(', ...parts.flatMap((part, at) => [...(at > 0 ? [word] : []), ...part]), ')'];
}

/** Joins neighbouring texts. */
function merged(template: Template): Template {
  const pieces: Template[number][] = [];
  for (const piece of template) {
    const last = pieces.at(-1);
    if (typeof piece === 'string' && typeof last === 'string') pieces[pieces.length - 1] = last + piece;
    else pieces.push(piece);
  }
  return pieces;
}
