/** Tests what honest uses cost, in people, questions and values: each is played by its own account, and `limits show` gives its charge. */
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ShownLimits } from '../../src/operations/control/commands/limits.ts';
import { pupilsDatabase, pupilsPolicies } from '../budgets/world.ts';
import { type Operated, operateWith } from '../control/served.ts';
import { PASSWORD } from '../support/password.ts';
import type { FreshDatabase } from '../support/postgres.ts';

interface Use {
  readonly name: string;
  readonly play: (client: pg.Client) => Promise<void>;
}

const times = async (count: number, work: (i: number) => Promise<unknown>): Promise<void> => {
  for (let i = 1; i <= count; i += 1) await work(i);
};
const byId = (text: string) => (client: pg.Client, id: number) => client.query({ text, values: [id] });

const LIST = 'SELECT id, name FROM pupils WHERE class = 3 ORDER BY id LIMIT 30';
const IN_A_ROW = `SELECT p.id, (SELECT json_agg(v) FROM (SELECT id, note FROM visits WHERE pupil_id = p.id) AS v) AS visits FROM pupils AS p WHERE p.class = 4 ORDER BY p.id LIMIT 10`;
const LATERAL = `SELECT p.id, p.name, v.data FROM pupils AS p LEFT JOIN LATERAL (SELECT json_agg(json_build_array(v.id, v.note)) AS data FROM visits AS v WHERE v.pupil_id = p.id) AS v ON true WHERE p.class = 4 ORDER BY p.id LIMIT 10`;
const AS_ONE = `SELECT coalesce(json_agg(root), '[]') AS root FROM (SELECT row_to_json(q) AS root FROM (SELECT p.id, p.name FROM pupils AS p WHERE p.class = 4 ORDER BY p.id LIMIT 10) AS q) AS q`;

const OF_CLASSES = `SELECT c.class, p.data FROM (VALUES (7), (8)) AS c (class) LEFT JOIN LATERAL (SELECT json_agg(p.id) AS data FROM (SELECT * FROM pupils AS p WHERE p.class = c.class ORDER BY p.name, p.id LIMIT 10) AS p) AS p ON true ORDER BY c.class`;
const SEARCH = 'SELECT id, name FROM pupils WHERE class = 8 AND name LIKE $1 ORDER BY name, id LIMIT 20';

const USES: readonly Use[] = [
  {
    name: 'a dashboard of six counts, refreshed 50 times',
    play: (client) =>
      times(50, () => times(6, (i) => client.query(`SELECT count(*) AS n FROM pupils WHERE class = ${i}`))),
  },
  { name: 'a list of 30, read 40 times', play: (client) => times(40, () => client.query(LIST)) },
  {
    name: 'pages of ten through 50 people, each with a count beside it',
    play: (client) =>
      times(5, async (page) => {
        await client.query('SELECT count(*) AS n FROM pupils WHERE id <= 50');
        await client.query(`SELECT id, name FROM pupils WHERE id <= 50 ORDER BY id LIMIT 10 OFFSET ${10 * page - 10}`);
      }),
  },
  {
    name: '40 detail pages of five statements',
    play: (client) =>
      times(40, async (id) => {
        await byId('SELECT * FROM pupils WHERE id = $1')(client, id);
        await byId('SELECT id, note FROM visits WHERE pupil_id = $1')(client, id);
        await byId('SELECT count(*) AS n FROM visits WHERE pupil_id = $1')(client, id);
        await byId('SELECT max(note) AS last FROM visits WHERE pupil_id = $1')(client, id);
        await byId('SELECT EXISTS (SELECT 1 FROM visits WHERE pupil_id = $1) AS any')(client, id);
      }),
  },
  {
    name: 'searches by name, ten with three results and ten with none',
    play: (client) =>
      times(10, async (i) => {
        await client.query(`SELECT id, name FROM pupils WHERE name LIKE 'pupil ${100 + i}%' LIMIT 3`);
        await client.query(`SELECT id, name FROM pupils WHERE name LIKE 'unknown ${i}%'`);
      }),
  },
  {
    name: 'a list of 100, then 30 searches in it, of at most 20',
    play: async (client) => {
      await client.query('SELECT id, name FROM pupils WHERE class = 8');
      await times(30, (i) => client.query({ text: SEARCH, values: [`${'pupil 798'.slice(0, i % 10)}%`] }));
    },
  },
  {
    name: 'sums over one person’s rows, for 20 people',
    play: (client) =>
      times(20, (id) => byId('SELECT sum(length(note)) AS n FROM visits WHERE pupil_id = $1')(client, id)),
  },
  {
    name: 'a list of 20 with ranks by a window',
    play: async (client) => {
      await client.query(
        'SELECT id, name, rank() OVER (ORDER BY name) AS place FROM pupils WHERE class = 5 ORDER BY id LIMIT 20',
      );
    },
  },
  {
    name: 'an ORM’s lazy loads: a list of 20, then the rows of each',
    play: async (client) => {
      const { rows } = await client.query<{ id: number }>(
        'SELECT id, name FROM pupils WHERE class = 6 ORDER BY id LIMIT 20',
      );
      for (const { id } of rows) await byId('SELECT id, note FROM visits WHERE pupil_id = $1')(client, id);
    },
  },
  {
    name: 'a report by class, read 20 times',
    play: (client) =>
      times(20, () => client.query('SELECT class, count(*) AS n FROM pupils GROUP BY class ORDER BY class')),
  },
  {
    name: '30 updates by the person’s key, and 30 by a row’s own',
    play: (client) =>
      times(30, async (id) => {
        await byId('UPDATE pupils SET name = name WHERE id = $1')(client, id);
        await byId('UPDATE visits SET note = note WHERE id = $1')(client, 5000 + id);
      }),
  },
  {
    name: 'rows of 20 people by their own key',
    play: (client) => times(20, (id) => byId('SELECT id, note FROM visits WHERE id = $1')(client, 5000 + id)),
  },
  {
    name: 'a poll that finds nothing, 500 times',
    play: (client) => times(500, () => client.query("SELECT id, note FROM visits WHERE note = 'new' LIMIT 5")),
  },
  {
    name: 'a list of ten with what belongs to each, by a subquery (Prisma)',
    play: async (c) => void (await c.query(IN_A_ROW)),
  },
  { name: 'the same by LATERAL (Drizzle)', play: async (client) => void (await client.query(LATERAL)) },
  { name: 'ten as one document (Hasura, PostgREST)', play: async (client) => void (await client.query(AS_ONE)) },
  {
    name: 'two classes with the first ten of each, by LATERAL',
    play: async (client) => void (await client.query(OF_CLASSES)),
  },
  {
    name: 'a nightly upsert of 10,000 rows with their keys',
    play: (client) =>
      times(20, (batch) => {
        const rows = Array.from({ length: 500 }, (_, i) => `(${10_000 + 500 * batch + i}, 'new', 1)`).join(', ');
        return client.query(
          `INSERT INTO pupils (id, name, class) VALUES ${rows} ON CONFLICT (id) DO UPDATE SET name = excluded.name`,
        );
      }),
  },
];

let database: FreshDatabase;
let guard: Operated;
beforeAll(async () => {
  database = await pupilsDatabase();
  const more = 'limits: { subjects: { pupil: 1000000 per day }, answers: { pupil: 1000000 per day } }\n';
  const folder = await pupilsPolicies(Object.fromEntries(USES.map((_, i) => [`use${i}`, more])));
  guard = await operateWith(folder, database, 'state: memory\n');
  await rm(folder, { recursive: true });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

const PAGE = resolve(import.meta.dirname, '../../docs/limits.md');
const BEGIN = '<!-- honest uses: ROWGATE_UPDATE=1 npm run vitest -- test/bulk/honest-uses.test.ts -->\n';
const END = '<!-- end of honest uses -->';

const isUpdate = process.env.ROWGATE_UPDATE === '1';

test('they cost what the page says', async () => {
  for (const [i, { play }] of USES.entries()) {
    const url = new URL(guard.url(`use${i}`));
    url.password = PASSWORD;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await play(client);
    await client.end();
  }
  const table = async (): Promise<string> => {
    const rows: string[] = [];
    for (const [i, { name }] of USES.entries()) rows.push(`| ${name} | ${(await costOf(`use${i}`)).join(' | ')} |`);
    return ['| use | people | questions | values |', '|---|---|---|---|', ...rows, ''].join('\n');
  };
  const page = readFileSync(PAGE, 'utf8');
  const [from, to] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
  if (isUpdate) {
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    writeFileSync(PAGE, page.slice(0, from) + (await table()) + page.slice(to));
  } else await expect.poll(table, { timeout: 60_000, interval: 500 }).toBe(page.slice(from, to));
}, 180_000);

/** The charges of an account's budget; for a second they are higher, by the leases. */
async function costOf(principal: string): Promise<readonly (number | undefined)[]> {
  const { limits } = await guard.done<ShownLimits>('limits.show', { principal });
  const [people, answers] = ['subjects', 'answers'].map((of) => limits.find(({ name }) => name.startsWith(of)));
  return [people?.used, answers?.questions, answers?.values];
}
