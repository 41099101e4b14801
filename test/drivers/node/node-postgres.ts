/** node-postgres: parameters as text, named statements, portals by its protocol interface. */
import type pg from 'pg';
import { PagedQuery } from '../../clients/paged-query.ts';
import type { Environment } from '../driver.ts';
import { PARAMETERS } from '../steps.ts';
import { clientFor, failure, form, Lacks, takeAll, told } from './steps.ts';
import { VALUES } from './values.ts';

/** A method that the package's types leave out: it opens its own connection for the request. */
type Canceller = pg.Client & { cancel(client: pg.Client, query: object): void };

const CANCEL_EVERY_MS = 1000;

/** Takes all steps on one client. */
export async function takeNodePostgres(env: Environment): Promise<string> {
  const client = clientFor(env);
  client.on('error', () => {});
  const driver = env.ROWGATE_DRIVER!;
  const rows = async (text: string, values: unknown[] = []): Promise<unknown[][]> =>
    (await client.query({ text, values, rowMode: 'array' })).rows;
  const one = async (text: string, values?: unknown[]): Promise<unknown> => (await rows(text, values))[0]?.[0];
  const insert = (body: string) => client.query('INSERT INTO notes (driver, body) VALUES ($1, $2)', [driver, body]);
  const after = () => one('SELECT 42');
  const printed = await takeAll({
    async connect() {
      await client.connect();
      return one('SHOW server_version_num');
    },
    async 'typed parameters'() {
      const conditions = PARAMETERS.map((column, index) => `${column} = $${index + 1}`);
      const text = `SELECT ${PARAMETERS.join(', ')} FROM things WHERE ${conditions.join(' AND ')}`;
      const [row] = (await client.query<Record<string, unknown>>(text, VALUES)).rows;
      return Object.fromEntries(Object.entries(row ?? {}).map(([column, value]) => [column, form(value)]));
    },
    async 'prepared statements'() {
      const labels: unknown[] = [];
      for (let id = 2; id <= 20; id += 2) {
        const text = 'SELECT label FROM measures WHERE id = $1';
        labels.push((await client.query<{ label: string }>({ name: 'one', text, values: [id] })).rows[0]?.label);
      }
      return labels;
    },
    async transactions() {
      await client.query('DELETE FROM notes WHERE driver = $1', [driver]);
      await client.query('BEGIN');
      await insert('a');
      await client.query('ROLLBACK');
      await client.query('BEGIN');
      await insert('b');
      await client.query('SAVEPOINT s');
      await insert('c');
      await client.query('ROLLBACK TO SAVEPOINT s');
      await insert('d');
      await client.query('COMMIT');
      return (await rows('SELECT body FROM notes WHERE driver = $1 ORDER BY body', [driver])).flat();
    },
    async errors() {
      await client.query('BEGIN');
      const { sqlstate, message } = await failure(client.query('SELECT 1/0'));
      const second = await failure(client.query('SELECT 1'));
      await client.query('ROLLBACK');
      return { sqlstate, message, failed: second.sqlstate, after: await after() };
    },
    async refusal() {
      const result = await rows('SELECT ine FROM students WHERE id = $1', [1]).then((found) => ({ rows: found }), told);
      return { ...result, after: await after() };
    },
    async cancel() {
      const running = client.query('SELECT count(*) FROM measures AS a, measures AS b, measures AS c');
      const query = (client as unknown as { _activeQuery: object })._activeQuery;
      const timer = setInterval(() => (clientFor(env) as Canceller).cancel(client, query), CANCEL_EVERY_MS);
      const { sqlstate } = await failure(running);
      clearInterval(timer);
      return { sqlstate, after: await after() };
    },
    async cursor() {
      const portal = client.query(new PagedQuery('SELECT id, label FROM measures ORDER BY id', []));
      let count = 0;
      let sum = 0;
      for (let page = await portal.next(1000); page.length > 0; page = await portal.next(1000)) {
        count += page.length;
        for (const [id] of page) sum += Number(id);
      }
      await portal.close();
      return { rows: count, sum };
    },
    async copy() {
      return new Lacks('a package of its own has it');
    },
  });
  await client.end();
  return printed;
}
