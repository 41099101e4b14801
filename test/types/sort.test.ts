/** Tests the operators of ORDER BY and GROUP BY against those that the server notes, for every type. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sortFunctions } from '../../src/sql/types/sort.ts';
import { parse } from './server.ts';
import { openWitness, type Witness } from './witness.ts';

let witness: Witness;
beforeAll(async () => {
  witness = await openWitness();
});
afterAll(() => witness.drop());

/** The operators that the server notes for sorting and grouping by a value of that type; undefined where it refuses. */
async function serverOperators(expression: string): Promise<{ eqop: number; sortop: number } | undefined> {
  const details: string[] = [];
  const listen = (notice: { detail?: string | undefined }): void => void details.push(notice.detail ?? '');
  witness.client.on('notice', listen);
  await witness.client.query('SET debug_print_parse = on');
  const refused = await parse(witness.client, `SELECT DISTINCT x FROM (SELECT ${expression} AS x) AS q`).catch(
    (error: Error) => error,
  );
  await witness.client.query('SET debug_print_parse = off');
  witness.client.off('notice', listen);
  if (refused instanceof Error) return undefined;
  const clause = details.join('\n').match(/SORTGROUPCLAUSE\s+:tleSortGroupRef\s+\d+\s+:eqop\s+(\d+)\s+:sortop\s+(\d+)/);
  return clause ? { eqop: Number(clause[1]), sortop: Number(clause[2]) } : undefined;
}

describe('sorting and grouping use the operators that the server notes', () => {
  test('every type', async () => {
    for (const { type, text, oid } of witness.operands) {
      if (type === 'unknown') continue;
      const server = await serverOperators(text);
      const ours = sortFunctions(witness.catalog, oid);
      const mine = ours && { eqop: ours.equality?.oid ?? 0, sortop: ours.less?.oid ?? 0 };
      expect({ type, ...mine }).toEqual({ type, ...server });
    }
  });

  test('leakproof only where every comparison is', () => {
    const leakproof = (type: string): boolean | undefined =>
      sortFunctions(witness.catalog, witness.operands.find((operand) => operand.type === type)!.oid)?.leakproof;
    for (const type of ['int4', 'text', 'varchar', 'date', 'uuid', 'bool'])
      expect([type, leakproof(type)]).toEqual([type, true]);
    for (const type of ['numeric', 'jsonb', 'text[]', 'int4range', 'citext', 'app.mood', 'app.people', 'record']) {
      expect([type, leakproof(type)]).toEqual([type, false]);
    }
    for (const type of ['json', 'xml', 'point']) expect([type, leakproof(type)]).toEqual([type, undefined]);
  });
});
