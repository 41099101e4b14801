/** Kysely over node-postgres. */
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import type { Environment } from '../driver.ts';
import { clientFor, failure, form, Lacks, takeAll, told } from './steps.ts';

interface Tables {
  things: {
    flag: boolean;
    number: number;
    big: string;
    amount: string;
    ratio: number;
    label: string;
    day: Date;
    at: Date;
    ref: string;
    doc: unknown;
    bytes: Buffer;
    numbers: number[];
    names: (string | null)[];
  };
  measures: { id: number; label: string };
  notes: { driver: string; body: string };
  students: { id: number; ine: string; class_id: number };
  classes: { id: number; name: string };
}

const COLUMNS = [
  ...(['flag', 'number', 'big', 'amount', 'ratio', 'label'] as const),
  ...(['day', 'at', 'ref', 'doc', 'bytes', 'numbers', 'names'] as const),
];

/** Takes all steps, on a pool of one connection. */
export async function takeKysely(env: Environment): Promise<string> {
  const client = clientFor(env);
  const pool = { connect: async () => Object.assign(client, { release: () => {} }), end: () => client.end() };
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const driver = env.ROWGATE_DRIVER!;
  const run = <Row>(text: string) => sql.raw<Row>(text).execute(db);
  const insert = (into: Kysely<Tables> | Transaction<Tables>, body: string) =>
    into.insertInto('notes').values({ driver, body }).execute();
  const after = async () => (await run<{ n: number }>('SELECT 42 AS n')).rows[0]?.n;
  return takeAll({
    async connect() {
      await client.connect();
      return (await run<{ server_version_num: string }>('SHOW server_version_num')).rows[0]?.server_version_num;
    },
    async 'typed parameters'() {
      const row = await db
        .selectFrom('things')
        .select(COLUMNS)
        .where('flag', '=', true)
        .where('number', '=', 42)
        .where('big', '=', '9007199254740993')
        .where('amount', '=', '1234.5600')
        .where('ratio', '=', 0.1)
        .where('label', '=', "l’été d'O'Brien \"\\𝒜")
        .where('day', '=', new Date(2026, 1, 28))
        .where(sql`date_trunc('milliseconds', at)`, '=', new Date('2026-10-25T00:30:00.123Z'))
        .where('ref', '=', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')
        .where('doc', '=', JSON.stringify({ a: [1, null, 'é'] }))
        .where('bytes', '=', Buffer.from([0, 255, 16]))
        .where('numbers', '=', sql.val([1, -2, 3]))
        .where('names', '=', sql.val(['a,b', 'c"d', null, '']))
        .executeTakeFirstOrThrow();
      return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, form(value)]));
    },
    'prepared statements': async () => new Lacks('node-postgres has them, by name; it never names one'),
    async transactions() {
      await db.deleteFrom('notes').where('driver', '=', driver).execute();
      const first = await db.startTransaction().execute();
      await insert(first, 'a');
      await first.rollback().execute();
      const second = await db.startTransaction().execute();
      await insert(second, 'b');
      const inside = await second.savepoint('s').execute();
      await insert(inside, 'c');
      await inside.rollbackToSavepoint('s').execute();
      await insert(second, 'd');
      await second.commit().execute();
      const found = await db.selectFrom('notes').select('body').where('driver', '=', driver).orderBy('body').execute();
      return found.map(({ body }) => body);
    },
    async errors() {
      await run('BEGIN');
      const first = await failure(run('SELECT 1/0'));
      const second = await failure(run('SELECT 1'));
      await run('ROLLBACK');
      return { ...first, failed: second.sqlstate, after: await after() };
    },
    async refusal() {
      try {
        const found = await db.selectFrom('students').select('ine').where('id', '=', 1).execute();
        return { rows: found.map(({ ine }) => [ine]), after: await after() };
      } catch (error) {
        return { ...told(error), after: await after() };
      }
    },
    cancel: async () => new Lacks('it has none of its own'),
    async cursor() {
      let rows = 0;
      let sum = 0;
      await run('BEGIN');
      await run('DECLARE all_measures CURSOR FOR SELECT id, label FROM measures ORDER BY id');
      for (;;) {
        const fetched = await run<{ id: number }>('FETCH 1000 FROM all_measures');
        if (fetched.rows.length === 0) break;
        rows += fetched.rows.length;
        for (const { id } of fetched.rows) sum += id;
      }
      await run('COMMIT');
      return { rows, sum };
    },
    copy: async () => new Lacks('it has none of its own'),
    async 'joins and aggregates'() {
      const found = await db
        .selectFrom('students')
        .innerJoin('classes', 'classes.id', 'students.class_id')
        .select(({ fn }) => ['classes.name', fn.countAll<string>().as('pupils')])
        .where('classes.id', '=', 1)
        .groupBy(['classes.id', 'classes.name'])
        .having(({ fn }) => fn.countAll(), '>', 0)
        .limit(5)
        .execute();
      await db.destroy();
      return found;
    },
  });
}
