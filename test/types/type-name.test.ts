/** Tests which type a written name means against the server, with and without a schema and brackets. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { typeByName } from '../../src/sql/types/type-name.ts';
import { openWitness, type Witness } from './witness.ts';

let witness: Witness;
beforeAll(async () => {
  witness = await openWitness();
});
afterAll(() => witness.drop());

describe('a written type name is the type that the server finds', () => {
  test.each([[['app', 'public']], [['public']], [['app', 'pg_catalog']], [['information_schema', 'app']]])(
    'along %s',
    async (path) => {
      const names = [...new Set(witness.catalog.data.types.map((type) => type.name)), 'nosuch'];
      const found = await server(
        path,
        names.map((name) => [name]),
      );
      expect(names.map((name) => typeByName(witness.catalog, path, [name])?.oid ?? 0)).toEqual(found);
    },
  );

  test('qualified by a schema, by this database, by another one', async () => {
    const { database } = witness.catalog.data;
    expect(typeByName(witness.catalog, [], ['app', 'mood'])?.name).toBe('mood');
    expect(typeByName(witness.catalog, [], [database, 'app', 'mood'])?.name).toBe('mood');
    expect(typeByName(witness.catalog, [], ['elsewhere', 'app', 'mood'])).toBeUndefined();
    expect(typeByName(witness.catalog, [], ['public', 'mood'])).toBeUndefined();
    expect(typeByName(witness.catalog, [], ['pg_catalog', 'int4'])?.oid).toBe(23);
  });

  test('brackets make it an array, however many there are', () => {
    expect(typeByName(witness.catalog, [], ['int4'], 1)?.name).toBe('_int4');
    expect(typeByName(witness.catalog, [], ['int4'], 3)?.name).toBe('_int4');
    expect(typeByName(witness.catalog, [], ['_int4'], 1)).toBeUndefined();
  });
});

async function server(path: readonly string[], names: readonly string[][]): Promise<number[]> {
  await witness.client.query(`SET search_path = ${path.join(', ')}`);
  const { rows } = await witness.client.query(
    `SELECT coalesce(to_regtype(quote_ident(name)), 0)::oid::int8::int AS oid FROM unnest($1::text[]) WITH ORDINALITY AS n (name, i) ORDER BY i`,
    [names.map(([name]) => name)],
  );
  return rows.map((row) => row.oid);
}
