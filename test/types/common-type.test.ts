/** Tests the common type of several expressions against the server, in COALESCE, CASE, arrays, and similar forms. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coercion } from '../../src/sql/types/coercion.ts';
import { commonType } from '../../src/sql/types/common-type.ts';
import { TEXT, UNKNOWN, UNTELLABLE } from '../../src/sql/types/oids.ts';
import { number } from './parse-tree.ts';
import { verdicts } from './server.ts';
import { type Operand, openWitness, repeatable, type Witness } from './witness.ts';

let witness: Witness;
beforeAll(async () => {
  witness = await openWitness();
});
afterAll(() => witness.drop());

/** Our type for the operands, 0 where the server must refuse. */
function ours(operands: readonly Operand[]): number {
  const common = commonType(
    witness.catalog,
    operands.map(({ oid }) => oid),
  );
  const all = operands.every(({ oid }) => coercion(witness.catalog, oid, common, 'implicit').kind !== 'impossible');
  return all ? common : 0;
}

describe('several expressions become the type that the server gives them', () => {
  const forms = [
    { form: 'COALESCE', write: (list: string[]) => `COALESCE(${list.join(', ')})`, field: 'coalescetype' },
    // A missing ELSE is an unknown NULL, and an ELSE comes first.
    {
      form: 'CASE',
      write: ([first, ...rest]: string[]) =>
        `CASE ${rest.map((x) => `WHEN true THEN ${x}`).join(' ')} ELSE ${first} END`,
      field: 'casetype',
    },
  ];
  for (const { form, write, field } of forms) {
    test(`${form}, two and three of all types`, async () => {
      const random = repeatable(3);
      // Columns of pg_statistic: any array may be beside them, which we do not claim.
      const operands = witness.operands.filter(({ type }) => type !== 'anyarray');
      const pairs = operands.flatMap((a) => operands.map((b) => [a, b]));
      const any = (): Operand => operands[random(operands.length)]!;
      const triples = Array.from({ length: 3000 }, () => [any(), any(), operands[random(4)]!]);
      const lists = [...pairs, ...triples];
      const answers = await verdicts(
        witness.client,
        lists.map((list) => write(list.map(({ text }) => text))),
      );
      const wrong = lists.flatMap((list, i) => {
        const answer = answers[i]!;
        const server = 'node' in answer ? number(answer.node, field) : 0;
        const mine = ours(list);
        return mine === server || refusedByValue(list, answer)
          ? []
          : `${list.map(({ type }) => type)}: ${mine}, server ${server}`;
      });
      expect(wrong.slice(0, 20)).toEqual([]);
    });
  }

  test('nothing known: all unknown is text, one untellable makes it untellable', () => {
    expect(commonType(witness.catalog, [UNKNOWN, UNKNOWN])).toBe(TEXT);
    expect(commonType(witness.catalog, [TEXT, UNTELLABLE])).toBe(UNTELLABLE);
    expect(commonType(witness.catalog, [])).toBe(0);
  });
});

/** A literal that a pseudo-type never takes, or a record with unknown columns. */
function refusedByValue(list: readonly Operand[], answer: object): boolean {
  if (!('sqlstate' in answer)) return false;
  return answer.sqlstate === '0A000' || (answer.sqlstate === '42846' && list.some(({ type }) => type === 'record'));
}
