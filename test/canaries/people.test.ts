/** Tests that a canary locks out the end user who reads it, on a connection that other users go on with. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { CANARY, canaryWorld, HASH, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await canaryWorld();
});
afterAll(async () => {
  await world?.stop();
});

const ask = async (client: pg.Client, user: string, ...texts: string[]): Promise<pg.QueryResult> => {
  await client.query(`BEGIN; SET LOCAL rowgate.token = '${world.token(user)}'`);
  try {
    let result = await client.query('SELECT');
    for (const text of texts) result = await client.query(text);
    return result;
  } finally {
    await client.query('ROLLBACK');
  }
};

const ALL_PUPILS = 'SELECT id, name FROM pupils';

it.each([
  ['SELECT', [ALL_PUPILS]],
  ['COPY', ['COPY pupils (id, name) TO STDOUT']],
  ['a cursor', [`DECLARE c CURSOR FOR ${ALL_PUPILS}`, 'FETCH ALL FROM c']],
  ['a prepared statement', [`PREPARE p AS ${ALL_PUPILS}`, 'EXECUTE p']],
  ['RETURNING', [`UPDATE pupils SET name = name WHERE id = ${CANARY} RETURNING id`]],
])('by %s', async (way, texts) => {
  const client = await world.connect('portal');
  const curious = `curious by ${way}`;
  const told = { code: '28000', message: `user "portal/${curious}" is locked out: unusual access` };
  await expect(ask(client, curious, ...texts)).rejects.toMatchObject(told);
  await expect(ask(client, curious, 'SELECT id FROM pupils WHERE id = 1')).rejects.toMatchObject(told);
  expect((await ask(client, 'honest', 'SELECT id FROM pupils WHERE id = 1')).rows).toHaveLength(1);
  expect((await client.query('SELECT id FROM pupils WHERE id = 2')).rows).toHaveLength(1);
  const about = { principal: 'portal', user: curious, canary: { subject: 'pupil', hash: HASH } };
  const of = (records: readonly Readonly<Record<string, unknown>>[]) => records.filter(({ user }) => user === curious);
  expect(of(await world.kinds('canary'))).toMatchObject([{ ...about, effect: 'lock' }]);
  expect(of(await world.kinds('lock'))).toMatchObject([about]);
  await eventually(() => of(world.alarms).length >= 2, 'both alarms came');
  expect(of(world.alarms)).toMatchObject([
    { kind: 'canary', ...about },
    { kind: 'lock', principal: 'portal', user: curious },
  ]);
});
