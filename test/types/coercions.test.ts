/** Tests coercions between all types against the server: explicit, in assignments, and with a type modifier. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coercion } from '../../src/sql/types/coercion.ts';
import { differs, expected, shape } from './agreement.ts';
import { type Verdict, verdicts } from './server.ts';
import { type Operand, openWitness, type Witness } from './witness.ts';

let witness: Witness;
beforeAll(async () => {
  witness = await openWitness();
});
afterAll(() => witness.drop());

interface Target {
  readonly type: string;
  readonly oid: number;
  readonly typmod: number;
}

function wrongness(from: Operand, to: Target, context: 'explicit' | 'assignment', server: Verdict): string[] {
  const way = coercion(witness.catalog, from.oid, to.oid, context, to.typmod);
  const label = `${from.type} to ${to.type}`;
  if (!('node' in server)) {
    const byValue = server.sqlstate === '0A000' || (way.kind === 'row' && server.sqlstate === '42846');
    return way.kind === 'impossible' || byValue
      ? []
      : [`${label}: ours is ${way.kind}, the server says ${server.sqlstate}`];
  }
  const wrong = differs(expected(way, from.shape), shape(server.node));
  return wrong ? [`${label}: ${wrong}`] : [];
}

describe('a value becomes another type in the way that the server goes', () => {
  test('explicit casts between all types', async () => {
    const real = witness.operands.filter(
      ({ type }) => !['unknown', 'record', 'record[]', 'anyarray', 'cstring'].includes(type),
    );
    for (const to of real) {
      // A written cast asks for the modifier that the type's name implies: bit is bit(1).
      if (['bit', 'bpchar'].includes(to.type)) continue;
      const answers = await verdicts(
        witness.client,
        witness.operands.map(({ text }) => `${text}::${to.type}`),
      );
      const wrong = witness.operands.flatMap((from, i) =>
        wrongness(from, { ...to, typmod: -1 }, 'explicit', answers[i]!),
      );
      expect(wrong).toEqual([]);
    }
  });

  test('casts with a type modifier fit the value to it', async () => {
    const targets = await modified(
      'varchar(3)',
      'numeric(4,2)',
      'timestamp(2)',
      'timestamptz(0)',
      'time(1)',
      'bit(3)',
      'varbit(4)',
      'char(2)',
      'interval(1)',
      'varchar(3)[]',
      'numeric(4,2)[]',
    );
    for (const to of targets) {
      const answers = await verdicts(
        witness.client,
        witness.operands.map(({ text }) => `${text}::${to.type}`),
      );
      const wrong = witness.operands.flatMap((from, i) => wrongness(from, to, 'explicit', answers[i]!));
      expect(wrong).toEqual([]);
    }
  });

  test('assignment to columns of all types', async () => {
    const plain = witness.operands.filter(
      ({ type }) => !['unknown', 'record', 'record[]', 'anyarray', 'cstring', 'bit'].includes(type),
    );
    await witness.client.query(`CREATE TABLE target (${plain.map(({ type }, i) => `c${i} ${type}`).join(', ')})`);
    const wrong: string[] = [];
    for (const [i, to] of plain.entries()) {
      const into = { before: `INSERT INTO target (c${i}) VALUES (`, after: ')', each: true };
      const answers = await verdicts(
        witness.client,
        witness.operands.map(({ text }) => text),
        into,
      );
      wrong.push(
        ...witness.operands.flatMap((from, j) => wrongness(from, { ...to, typmod: -1 }, 'assignment', answers[j]!)),
      );
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});

async function modified(...types: string[]): Promise<Target[]> {
  await witness.client.query(`CREATE TABLE modified (${types.map((type, i) => `c${i} ${type}`).join(', ')})`);
  const { rows } = await witness.client.query(
    `SELECT atttypid::int8::int AS oid, atttypmod AS typmod FROM pg_attribute WHERE attrelid = 'modified'::regclass AND attnum > 0 ORDER BY attnum`,
  );
  return rows.map((row: { oid: number; typmod: number }, i) => ({ type: types[i]!, ...row }));
}
