/** A database with the fixture, its catalog as we read it, and a connection on which the server shows how it reads expressions. */
import type pg from 'pg';
import { readCatalog } from '../../src/catalog/read.ts';
import { Catalog, type Oid } from '../../src/sql/catalog/catalog.ts';
import type { Resolved } from '../../src/sql/types/resolved.ts';
import { freshDatabase } from '../support/postgres.ts';
import { disagreement, shape } from './agreement.ts';
import { FIXTURE, operand, SEARCH_PATH, TYPES } from './fixture.ts';
import { prepareWitness, verdicts } from './server.ts';

/** One operand: its type, its text, and its node in the server's tree. */
export interface Operand {
  readonly type: string;
  readonly oid: Oid;
  readonly text: string;
  readonly shape: string;
}

export interface Case {
  readonly sql: string;
  readonly operands: readonly Operand[];
  readonly ours: Resolved;
}

export interface Witness {
  readonly catalog: Catalog;
  readonly client: pg.Client;
  readonly operands: readonly Operand[];
  /** Types that the server can sort. */
  readonly sortable: ReadonlySet<Oid>;
  /** The cases where we and the server disagree, as text; at most a few dozen. */
  disagreements(cases: readonly Case[]): Promise<string[]>;
  drop(): Promise<void>;
}

export async function openWitness(): Promise<Witness> {
  const database = await freshDatabase();
  const client = await database.connect();
  await client.query(FIXTURE);
  const catalog = new Catalog(await readCatalog(async (sql) => (await client.query(sql)).rows));
  await client.query(`SET search_path = ${SEARCH_PATH.join(', ')}`);
  await prepareWitness(client);
  const oids = await client.query('SELECT to_regtype(name)::oid::int8::int AS oid FROM unnest($1::text[]) AS name', [
    TYPES,
  ]);
  const shapes = await verdicts(client, TYPES.map(operand));
  const operands = TYPES.map((type, i): Operand => {
    const verdict = shapes[i]!;
    if (!('node' in verdict)) throw new Error(`operand of type ${type}: ${verdict.sqlstate}`);
    return { type, oid: oids.rows[i].oid, text: operand(type), shape: shape(verdict.node) };
  });
  const sorted = await verdicts(
    client,
    TYPES.map((type) => `row_number() OVER (ORDER BY ${operand(type)})`),
  );
  return {
    catalog,
    client,
    operands,
    sortable: new Set(operands.filter((_, i) => 'node' in sorted[i]!).map(({ oid }) => oid)),
    async disagreements(cases) {
      const answers = await verdicts(
        client,
        cases.map(({ sql }) => sql),
      );
      return cases
        .flatMap(({ sql, ours, operands: given }, i) => {
          const wrong = disagreement(
            ours,
            answers[i]!,
            given.map((one) => one.shape),
          );
          return wrong ? `${sql}: ${wrong}` : [];
        })
        .slice(0, 40);
    },
    drop: () => database.drop(),
  };
}

/** Whether this run goes through everything, or takes a part that is quick. */
export const LONG = process.env.ROWGATE_LONG === '1';

/** Numbers below `below` that are the same in each run. */
export function repeatable(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}
