/** Tests expressions of unknown type: every function that could run is kept as a candidate, and leakproof holds only if it holds for each. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isLeakproof } from '../../src/sql/analyze/leakproof-expressions.ts';
import { resolveFunction } from '../../src/sql/types/function.ts';
import { INT4, INTERNAL, TEXT, UNKNOWN, UNTELLABLE } from '../../src/sql/types/oids.ts';
import { resolveOperator } from '../../src/sql/types/operator.ts';
import type { Resolved } from '../../src/sql/types/resolved.ts';
import { SEARCH_PATH } from './fixture.ts';
import { openWitness, repeatable, type Witness } from './witness.ts';

let witness: Witness;
beforeAll(async () => {
  witness = await openWitness();
});
afterAll(() => witness.drop());

/** Whether an untellable answer allows for what the same call turns out to be, once the types are known. */
function allowsFor(open: Resolved, settled: Resolved): boolean {
  if (settled.kind === 'none' || settled.kind === 'ambiguous') return true;
  if (open.kind !== 'untellable') return false;
  if (settled.kind === 'found') return open.candidates.includes(settled.fn);
  return settled.kind === 'cast' ? open.castTo === settled.result : open.mayBeColumn;
}

describe('an unknown type stays unknown, and every function that may run is a candidate', () => {
  test('operators, with either operand untellable', () => {
    const names = [...new Set(witness.catalog.data.operators.map((operator) => operator.name))];
    const random = repeatable(5);
    for (let i = 0; i < 6_000; i++) {
      const name = names[random(names.length)]!;
      const [left, right] = [pick(random), pick(random)];
      const settled = resolveOperator(witness.catalog, SEARCH_PATH, { name }, left, right);
      for (const [l, r] of [
        [UNTELLABLE, right],
        [left, UNTELLABLE],
        [UNTELLABLE, UNTELLABLE],
      ] as const) {
        const open = resolveOperator(witness.catalog, SEARCH_PATH, { name }, l, r);
        expect([name, l, r, allowsFor(open, settled)]).toEqual([name, l, r, true]);
      }
    }
  });

  test('functions, with one argument untellable', () => {
    const names = [
      ...new Set(witness.catalog.data.functions.map((fn) => fn.name)),
      'id',
      'born',
      'email',
      'mood',
      'text',
      'float8',
    ];
    const random = repeatable(6);
    for (let i = 0; i < 6_000; i++) {
      const name = names[random(names.length)]!;
      const fns = witness.catalog.functionsNamed(name);
      const fn = fns[random(Math.max(1, fns.length))];
      const args = Array.from({ length: fn?.args.length ?? 1 }, (_, j) =>
        random(3) === 0 ? pick(random) : (fn?.args[j] ?? pick(random)),
      );
      if (args.length === 0 || args.includes(INTERNAL)) continue;
      const settled = resolveFunction(witness.catalog, SEARCH_PATH, { name }, args);
      const open = resolveFunction(witness.catalog, SEARCH_PATH, { name }, args.with(random(args.length), UNTELLABLE));
      expect([name, args, allowsFor(open, settled)]).toEqual([name, args, true]);
    }
  });

  test('a type that the catalog does not have is untellable', () => {
    expect(resolveOperator(witness.catalog, SEARCH_PATH, { name: '+' }, 4_000_000_000, INT4).kind).toBe('untellable');
  });
});

describe('leakproof means: the function and every coercion, as the server has them', () => {
  const cases: [left: string, operator: string, right: string, leakproof: boolean][] = [
    ['int4', '=', 'int4', true],
    ['int8', '=', 'int8', true],
    ['int8', '=', 'unknown', true], // a literal is read before any row is
    ['text', '=', 'unknown', true],
    ['varchar', '=', 'text', true], // same bytes
    ['app.email', '=', 'unknown', true], // a domain is taken for its base
    ['text', '~~', 'unknown', false],
    ['numeric', '=', 'numeric', false],
    ['text', '=', '"char"', false], // the cast to text is not
    ['text', '=', 'app.mood', false], // through the output function
    ['varchar[]', '=', 'text[]', false],
    ['app.people', '=', 'app.people', false],
    ['bool', '=', 'nosuch', false],
  ];
  test.each(cases)('%s %s %s: %s', (left, operator, right, leakproof) => {
    const resolved = resolveOperator(witness.catalog, SEARCH_PATH, { name: operator }, oid(left), oid(right));
    expect(isLeakproof(resolved)).toBe(leakproof);
  });

  test('a constrained domain is not, one without a constraint is', () => {
    const call = (name: string, arg: number): Resolved =>
      resolveFunction(witness.catalog, SEARCH_PATH, { name }, [arg]);
    expect(call('email', TEXT).kind).toBe('cast');
    expect(isLeakproof(call('email', TEXT))).toBe(false);
    expect(isLeakproof(call('feeling', oid('app.mood')))).toBe(true);
    // A literal is read once, but the CHECK runs again for each row.
    expect(isLeakproof(call('email', UNKNOWN))).toBe(false);
    expect(isLeakproof(call('feeling', UNKNOWN))).toBe(true);
  });
});

function oid(type: string): number {
  return witness.operands.find((operand) => operand.type === type)?.oid ?? UNTELLABLE;
}

function pick(random: (below: number) => number): number {
  return witness.operands[random(witness.operands.length)]!.oid;
}
