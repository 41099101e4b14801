/** A client library's own tests turn out through Rowgate as they do directly, for an unrestricted role. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../support/tools.ts';
import { type Outcomes, SUITES } from './suites.ts';
import { type TwoWays, twoWays } from './world.ts';

const LONG = process.env.ROWGATE_LONG === '1';

describe.each(SUITES.filter(({ long }) => LONG || !long))('$name', (suite) => {
  describeWith(suite.needs)('its tests', () => {
    let world: TwoWays;
    beforeAll(async () => {
      await suite.build?.();
      world = await twoWays(suite.before, suite.written);
    }, 300_000);
    afterAll(() => world?.stop());

    it('turn out as directly', { timeout: 900_000 }, async () => {
      const expected = Object.keys(suite.differs).map((name) => `${name}: PASS, FAIL`);
      let different = await differences();
      // Tests have time limits of their own, which strike on a busy machine: what is different is so each time.
      for (let again = 0; again < 2 && different.length > expected.length; again++) {
        const anew = await differences();
        different = different.filter((test) => anew.includes(test));
      }
      expect(different.sort()).toEqual(expected.sort());
    });

    /** One after the other: some write files in the same places. */
    async function differences(): Promise<string[]> {
      const direct = await suite.run(world.direct);
      expect(passed(direct)).toBeGreaterThanOrEqual(suite.passes);
      const guarded = await suite.run(world.guarded);
      const names = new Set([...direct.keys(), ...guarded.keys()]);
      const different = [...names].filter((name) => direct.get(name) !== guarded.get(name));
      const found = different.map((name) => `${name}: ${direct.get(name)}, ${guarded.get(name)}`);
      process.stdout.write(
        `${[`${suite.name}: ${passed(direct)} of ${direct.size} pass directly`, ...found].join('\n  ')}\n`,
      );
      return found;
    }
  });
});

it('docs/clients.md says what turns out otherwise, and why', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../docs/clients.md'), 'utf8');
  for (const [test, reason] of SUITES.flatMap(({ differs }) => Object.entries(differs))) {
    const line = page.split('\n').find((row) => row.includes(`\`${test}\``));
    expect(line ?? `nothing about ${test}`).toContain(reason);
  }
});

function passed(outcomes: Outcomes): number {
  return [...outcomes.values()].filter((outcome) => outcome === 'PASS' || outcome === 'PASSED').length;
}
