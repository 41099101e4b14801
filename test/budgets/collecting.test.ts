/** Tests that `collect: deny` is not applied where a limit on people refuses: collected rows then cost their bytes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { budgetWorld, failure, type World } from './world.ts';

const ROLES = {
  bounded: 'limits: { subjects: { pupil: 50 per day } }\n',
  locked: 'limits: { subjects: { pupil: [10 per day warn, 50 per day lock] } }\n',
  answers: 'limits: { subjects: { pupil: 50 per day }, answers: { pupil: 50 per day } }\n',
  nowhere: 'limits: { rows: 1000 per day }\n',
  warned: 'limits: { subjects: { pupil: 50 per day warn } }\n',
  slowed: 'when_exceeded: throttle\nthrottle: { rows: 100 per second }\nlimits: { subjects: { pupil: 50 per day } }\n',
  told: 'limits: { subjects: { pupil: 50 per day }, answers: { pupil: 50 per day warn } }\n',
  weekends:
    'limits: { subjects: { pupil: 50 per day } }\nduring: [{ days: [sat, sun], limits: { subjects: { pupil: 500 per day warn } } }]\n',
};

let world: World;
beforeAll(async () => {
  world = await budgetWorld(ROLES);
});
afterAll(async () => {
  await world?.stop();
});

/** A row with its details as JSON, as ORMs ask for it. */
const NESTED = `SELECT p.id, (SELECT json_agg(v) FROM (SELECT id, note FROM visits WHERE pupil_id = p.id) AS v) AS visits
  FROM pupils AS p WHERE p.id <= 5`;
const LIST = `SELECT string_agg(name, ',') AS names FROM pupils WHERE id <= 20`;

test.each(['bounded', 'locked', 'answers'])('%s: a list within a row, and one of all', async (principal) => {
  const client = await world.connect(principal);
  expect((await client.query(NESTED)).rows).toHaveLength(5);
  const [row] = (await client.query<{ names: string }>(LIST)).rows;
  expect(row?.names.split(',')).toHaveLength(20);
  await expect.poll(() => told(principal)).toHaveLength(2);
  const [nested, list] = await told(principal);
  expect(nested?.people).toBe(5);
  // Twenty people, or each eight bytes of their names.
  expect((list?.people ?? 0) + (list?.values ?? 0)).toBeGreaterThanOrEqual(20);
  // A limit that locks ends the session.
  const refused = principal === 'locked' ? /^(53400|57P05)$/ : /^53400$/;
  expect((await failure(client, "SELECT string_agg(name, ',') FROM pupils")).code).toMatch(refused);
});

async function told(principal: string): Promise<{ people: number; values?: number }[]> {
  const outcomes = (await world.kinds('outcome')).filter((record) => record.principal === principal);
  return outcomes.map(({ subjects }) => (subjects as { pupil: { people: number; values?: number } }).pupil);
}

test.each(['nowhere', 'warned', 'slowed', 'told', 'weekends'])(
  '%s: refused, since no limit bounds it at all times',
  async (principal) => {
    expect(await failure(await world.connect(principal), LIST)).toMatchObject({ code: '42501' });
  },
);

test('collected rows about no data subject are not counted: they are refused', async () => {
  const client = await world.connect('bounded');
  const refused = await failure(client, "SELECT string_agg(id::text, ',') FROM rooms");
  expect(refused).toMatchObject({ code: '42501', message: expect.stringContaining('string_agg') });
  const mixed = "SELECT string_agg(r.id || p.name, ',') FROM rooms AS r CROSS JOIN pupils AS p WHERE p.id = 3";
  expect(await failure(client, mixed)).toMatchObject({ code: '42501' });
});
