/** Tests which function a call means against the server, for every function name and many types of arguments. */
import { escapeIdentifier } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fn } from '../../src/sql/catalog/catalog.ts';
import type { CallForm } from '../../src/sql/types/call.ts';
import { resolveFunction } from '../../src/sql/types/function.ts';
import { INTERNAL, UNKNOWN } from '../../src/sql/types/oids.ts';
import { SEARCH_PATH } from './fixture.ts';
import { type Case, LONG, type Operand, openWitness, repeatable, type Witness } from './witness.ts';

let witness: Witness;
const random = repeatable(11);
beforeAll(async () => {
  witness = await openWitness();
});
afterAll(() => witness.drop());

/** Calls of each number of arguments, for each function name. */
const CALLS = LONG ? 60 : 6;

/** Casts that give nothing which could go anywhere: servers differ in where they refuse it. */
const USELESS = new Set(['unknown', 'unknownin', 'internal']);

describe('a call means what the server takes it for', () => {
  test('every function name, argument types near and far', { timeout: 200_000 }, async () => {
    // Nothing that SQL can write is of type internal.
    const unreachable = new Set(
      witness.catalog.data.functions.filter((fn) => fn.args.includes(INTERNAL)).map((fn) => fn.name),
    );
    const names = new Set(
      witness.catalog.data.functions
        .map((fn) => fn.name)
        .filter((name) => !USELESS.has(name) && !unreachable.has(name)),
    );
    let cases: Case[] = [];
    for (const name of names) {
      const fns = witness.catalog.functionsNamed(name);
      for (const count of counts(fns)) {
        for (let i = 0; i < (count === 0 ? 1 : CALLS); i++) cases.push(...call(name, fns, count));
      }
      if (cases.length < 5000) continue;
      expect(await witness.disagreements(cases)).toEqual([]);
      cases = [];
    }
    expect(await witness.disagreements(cases)).toEqual([]);
  });

  test('one argument of each type: functions, casts in the form of a call, columns of rows', async () => {
    const types = witness.catalog.data.types
      .map((type) => type.name)
      .filter((name) => !name.startsWith('_') && !USELESS.has(name));
    const names = [
      'lower',
      'upper',
      'size',
      'length',
      'abs',
      'max',
      'count',
      'label',
      'mood_of',
      'flat',
      'low',
      'row_text',
      'anything',
    ];
    const columns = ['id', 'born', 'x', 'nosuch', 'ctid', 'tableoid'];
    const cases = [...new Set([...types, ...names, ...columns])].flatMap((name) =>
      witness.operands.map((operand): Case => {
        const ours = resolveFunction(witness.catalog, SEARCH_PATH, { name }, [operand.oid]);
        return { sql: `${escapeIdentifier(name)}(${operand.text})`, operands: [operand], ours };
      }),
    );
    expect(await witness.disagreements(cases)).toEqual([]);
  });

  test('two arguments of every pair of types: polymorphic functions, VARIADIC, defaults', async () => {
    const names = [
      'array_append',
      'array_cat',
      'array_position',

      'mix',
      'pick',
      'pair_of',
      'within',
      'ranges',
      'filled',
      'page',
      'clash',
      'total',
      'format',
      'concat',
      'range_merge',
      'width_bucket',
      'array_fill',
    ];
    for (const name of names) {
      const pairs = witness.operands.flatMap((left) => witness.operands.map((right) => [left, right] as const));
      const cases = pairs
        .filter(() => LONG || random(4) === 0)
        .map(([left, right]): Case => {
          const ours = resolveFunction(witness.catalog, SEARCH_PATH, { name }, [left.oid, right.oid]);
          return { sql: `${name}(${left.text}, ${right.text})`, operands: [left, right], ours };
        });
      expect(await witness.disagreements(cases)).toEqual([]);
    }
  });
});

function counts(fns: readonly Fn[]): Set<number> {
  const found = new Set<number>();
  for (const { args, defaults, variadic } of fns) {
    found.add(args.length).add(args.length - defaults);
    if (variadic !== 0)
      found
        .add(args.length - 1)
        .add(args.length + 1)
        .add(args.length + 2);
  }
  return new Set([...found].filter((count) => count <= 12));
}

/** A call of that name in some notation, with arguments of declared, unknown or any types; nothing where the notation does not fit. */
function call(name: string, fns: readonly Fn[], count: number): Case[] {
  const fn = fns[random(fns.length)]!;
  const operands = Array.from({ length: count }, (_, i) => argument(fn, i));
  const written = operands.map(({ text }) => text);
  const aggregate = fn.kind === 'a';
  let form: CallForm = fn.kind === 'w' || random(12) === 0 ? { over: true } : {};
  let inner = written.join(', ');
  let behind = '';
  const notation = random(12);
  if (aggregate && fn.aggKind !== 'n' && count > 0 && random(4) > 0) {
    const sorted = Math.min(count, 1 + random(2));
    form = { ...form, withinGroup: sorted };
    inner = written.slice(0, count - sorted).join(', ');
    behind = ` WITHIN GROUP (ORDER BY ${written.slice(count - sorted).join(', ')})`;
    // Whether a type can be sorted is not the question here.
    if (operands.some(({ oid }) => !witness.sortable.has(oid))) return [];
  } else if (count === 0) {
    if (random(2) === 0) {
      form = { ...form, star: true };
      inner = '*';
    }
  } else if (notation === 0) {
    form = { ...form, variadic: true };
    inner = [...written.slice(0, -1), `VARIADIC ${written.at(-1)}`].join(', ');
  } else if (notation <= 2) {
    const first = random(count);
    const argNames = Array.from({ length: count - first }, (_, i) => fn.argNames[first + i] || 'a');
    if (random(3) === 0) argNames.reverse();
    if (new Set(argNames).size !== argNames.length) return [];
    form = { ...form, argNames };
    inner = written
      .map((text, i) => (i < first ? text : `${escapeIdentifier(argNames[i - first]!)} => ${text}`))
      .join(', ');
  } else if (notation === 3) {
    const sorts = operands.every(({ oid }, i) => witness.sortable.has(oid === UNKNOWN ? (fn.args[i] ?? oid) : oid));
    if (aggregate && !sorts) return [];
    form = { ...form, distinct: true };
    inner = `DISTINCT ${inner}`;
  } else if (notation === 4) {
    form = { ...form, orderBy: true };
    inner = `${inner} ORDER BY 1`;
  } else if (notation === 5) {
    form = { ...form, filter: true };
    behind = ' FILTER (WHERE true)';
  }
  const schema = random(6) === 0 ? fn.schema : undefined;
  const sql = `${schema ? `${escapeIdentifier(schema)}.` : ''}${escapeIdentifier(name)}(${inner})${behind}${form.over ? ' OVER ()' : ''}`;
  const ours = resolveFunction(
    witness.catalog,
    SEARCH_PATH,
    { name, ...(schema && { schema }) },
    operands.map(({ oid }) => oid),
    form,
  );
  return [{ sql, operands, ours }];
}

function argument(fn: Fn, i: number): Operand {
  const declared = fn.args[Math.min(i, fn.args.length - 1)];
  const same = witness.operands.find(({ oid }) => oid === declared);
  const luck = random(10);
  if (same && luck < 5) return same;
  return witness.operands[luck < 7 ? 0 : random(witness.operands.length)]!;
}
