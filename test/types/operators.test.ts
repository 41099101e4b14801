/** Tests which operator an expression means against the server, for every operator name and pairs of all types. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolveArrayOperator, resolveOperator } from '../../src/sql/types/operator.ts';
import { SEARCH_PATH } from './fixture.ts';
import { type Case, LONG, openWitness, repeatable, type Witness } from './witness.ts';

let witness: Witness;
beforeAll(async () => {
  witness = await openWitness();
});
afterAll(() => witness.drop());

/** Which of all combinations this run takes. */
const EVERY = LONG ? 1 : 10;

function infix(name: string, schema: string | undefined, searchPath: readonly string[], every = EVERY): Case[] {
  const random = repeatable(name.length + searchPath.length);
  const cases: Case[] = [];
  const written = schema === undefined ? name : `${schema}.${name}`;
  for (const left of witness.operands) {
    for (const right of witness.operands) {
      if (random(every) !== 0) continue;
      const ours = resolveOperator(
        witness.catalog,
        searchPath,
        { name, ...(schema && { schema }) },
        left.oid,
        right.oid,
      );
      cases.push({ sql: `${left.text} OPERATOR(${written}) ${right.text}`, operands: [left, right], ours });
    }
  }
  return cases;
}

describe('an operator is the one that the server picks', { timeout: 200_000 }, () => {
  test('every name, operands of every pair of types', async () => {
    const names = new Set(witness.catalog.data.operators.map((operator) => operator.name));
    for (const name of names) expect(await witness.disagreements(infix(name, undefined, SEARCH_PATH))).toEqual([]);
  });

  test('prefix operators', async () => {
    const names = new Set(witness.catalog.data.operators.map((operator) => operator.name));
    const cases = [...names].flatMap((name) =>
      witness.operands.map((operand): Case => {
        const ours = resolveOperator(witness.catalog, SEARCH_PATH, { name }, undefined, operand.oid);
        return { sql: `OPERATOR(${name}) ${operand.text}`, operands: [operand], ours };
      }),
    );
    expect(await witness.disagreements(cases)).toEqual([]);
  });

  test('qualified names, and a schema that is not there', async () => {
    for (const written of ['hidden.+', 'app.=', 'public.=', 'pg_catalog.=', 'app.||', 'app.~~', 'nosuch.=']) {
      const [schema, name] = written.split('.');
      expect(await witness.disagreements(infix(name!, schema, SEARCH_PATH, LONG ? 1 : 6))).toEqual([]);
    }
  });

  test('other search paths: an earlier schema hides a later one, pg_catalog too', async () => {
    // Types are written so that the path does not decide which is meant.
    const pathless = witness.operands.filter(({ type }) => !/^(citext|hstore|l\w+|cube|isbn)/.test(type));
    const all = { ...witness, operands: pathless };
    try {
      for (const path of [
        ['public', 'app'],
        ['app', 'public', 'pg_catalog'],
        ['hidden'],
        ['hidden', 'app', 'pg_catalog'],
        ['nosuch'],
      ]) {
        await witness.client.query(`SET search_path = ${path.join(', ')}`);
        for (const name of ['=', '+', '||', '~~', '===', '-', '<']) {
          const cases = infix(name, undefined, path, LONG ? 1 : 12).filter((one) =>
            one.operands.every((o) => all.operands.includes(o)),
          );
          expect(await witness.disagreements(cases)).toEqual([]);
        }
      }
    } finally {
      await witness.client.query(`SET search_path = ${SEARCH_PATH.join(', ')}`);
    }
  });

  test('ANY over an array', async () => {
    for (const name of ['=', '<>', '<', '~~', '||', '@>', '&&', '+', '===', '%']) {
      const cases: Case[] = [];
      for (const left of witness.operands) {
        for (const right of witness.operands) {
          const ours = resolveArrayOperator(witness.catalog, SEARCH_PATH, { name }, left.oid, right.oid);
          // A subquery there would be another form.
          if (right.text.startsWith('(')) continue;
          // An operand that is no array is refused for that alone; a part of these cases is enough.
          if (ours.kind === 'none' && (left.oid + right.oid) % EVERY !== 0) continue;
          cases.push({ sql: `${left.text} OPERATOR(${name}) ANY (${right.text})`, operands: [left, right], ours });
        }
      }
      expect(await witness.disagreements(cases)).toEqual([]);
    }
  });
});
