/** Tests that each driver takes the same steps at PostgreSQL, through Rowgate as an unrestricted role over TLS, and as a restricted one without TLS. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../support/tools.ts';
import { type Outcomes, takeSteps } from './driver.ts';
import { DRIVERS } from './drivers.ts';
import { expectedOf, restrictedTo } from './expected.ts';
import { type Round, startRound } from './round.ts';
import { PARAMETERS, STEPS } from './steps.ts';
import { rowOf, rowsIn, withRows } from './table.ts';

const PAGE = resolve(import.meta.dirname, 'outcomes.md');

describe('drivers', () => {
  let round: Round;
  beforeAll(async () => {
    round = await startRound();
  });
  afterAll(() => round?.stop());

  const rows = new Map<string, string>();

  for (const driver of DRIVERS) {
    describeWith(driver.needs)(driver.name, () => {
      let direct: Outcomes;
      // biome-ignore lint/suspicious/noDuplicateTestHooks: this is a group of its own, which the rule does not see
      beforeAll(async () => {
        await driver.build?.();
        direct = await takeSteps(driver, round.direct());
        rows.set(driver.name, rowOf(driver, direct));
      }, 300_000);

      it('takes every step at PostgreSQL, or says why not', () => {
        expect(Object.keys(direct)).toEqual([...Object.keys(STEPS), ...Object.keys(driver.also ?? {})]);
        expect(direct).toEqual(expectedOf(direct));
        const parameters = direct['typed parameters'];
        if (parameters && 'result' in parameters) {
          expect(Object.keys(parameters.result as object).sort()).toEqual([...PARAMETERS].sort());
        }
      });

      it('over TLS, unrestricted: the same', async () => {
        expect(await takeSteps(driver, round.overTls('owner'))).toEqual(direct);
      });

      it('without TLS, restricted: what is granted, and a refusal that it understands', async () => {
        expect(await takeSteps(driver, round.plain('reader'))).toEqual(restrictedTo(driver, direct));
      });
    });
  }

  it('outcomes.md has the table as measured', () => {
    const page = readFileSync(PAGE, 'utf8');
    // Rows of drivers that this machine lacks stay as they are.
    const now = DRIVERS.map(({ name }) => rows.get(name) ?? rowsIn(page).get(name) ?? '');
    if (process.env.ROWGATE_UPDATE === '1') writeFileSync(PAGE, withRows(page, now));
    expect([...rowsIn(readFileSync(PAGE, 'utf8')).values()]).toEqual(now);
  });
});
