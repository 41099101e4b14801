/** A client library's own tests turn out through Rowgate as they do directly, for an unrestricted role. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcomes, SUITES } from './suites.ts';
import { type TwoWays, twoWays } from './world.ts';

const LONG = process.env.ROWGATE_LONG === '1';

describe.each(SUITES.filter(({ long }) => LONG || !long))('$name', (suite) => {
  describe.skipIf(!suite.found)('its tests', () => {
    let world: TwoWays;
    beforeAll(async () => {
      await suite.build?.();
      world = await twoWays(suite.prepare);
    }, 300_000);
    afterAll(() => world?.stop());

    it('turn out as directly', { timeout: 400_000 }, async () => {
      // One after the other: some write files in the same places.
      const direct = await suite.run(world.direct);
      expect(passed(direct)).toBeGreaterThanOrEqual(suite.passes);
      const guarded = await suite.run(world.guarded);
      const names = new Set([...direct.keys(), ...guarded.keys()]);
      const different = [...names].filter((name) => direct.get(name) !== guarded.get(name));
      expect(different.map((name) => `${name}: ${direct.get(name)}, ${guarded.get(name)}`).sort()).toEqual(
        Object.keys(suite.differs)
          .map((name) => `${name}: PASS, FAIL`)
          .sort(),
      );
    });
  });
});

function passed(outcomes: Outcomes): number {
  return [...outcomes.values()].filter((outcome) => outcome === 'PASS' || outcome === 'PASSED').length;
}
