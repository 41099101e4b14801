/** Tests canaries that come into force while sessions run: statements that were prepared before find them too. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { canaryWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await canaryWorld(false);
});
afterAll(() => world?.stop());

it('a statement prepared before shows the same people, and not the canary', async () => {
  const { client } = await world.reader();
  const text = 'SELECT name FROM pupils WHERE class = $1';
  const ask = (pupils: number) => client.query({ name: 'pupils', text, values: [pupils] });
  await client.query('PREPARE p AS SELECT name FROM pupils');
  expect((await ask(1)).rows).toHaveLength(21);
  await world.layOut();
  await eventually(async () => (await world.kinds('policy')).length === 2, 'a new policy');
  expect((await ask(2)).rows).toHaveLength(20);
  expect((await client.query('SELECT name FROM pupils WHERE class = 2')).rows).toHaveLength(20);
  // What SQL has prepared is not prepared again: as after any other change of the policies.
  await expect(client.query('EXECUTE p')).rejects.toMatchObject({ code: '0A000' });
  await expect(ask(1)).rejects.toMatchObject({ message: expect.stringContaining('unusual access') });
});
