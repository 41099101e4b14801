/** Drizzle over node-postgres. */
import { and, count, eq, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import {
  bigint,
  boolean,
  customType,
  date,
  doublePrecision,
  integer,
  jsonb,
  numeric,
  pgTable,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core';
import type { Environment } from '../driver.ts';
import { clientFor, failure, form, Lacks, takeAll, told } from './steps.ts';

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

const things = pgTable('things', {
  flag: boolean(),
  number: integer(),
  big: bigint({ mode: 'bigint' }),
  amount: numeric({ precision: 12, scale: 4 }),
  ratio: doublePrecision(),
  label: text(),
  day: date(),
  at: timestamp({ withTimezone: true }),
  ref: uuid(),
  doc: jsonb(),
  bytes: bytea(),
  numbers: integer().array(),
  names: text().array(),
});
const measures = pgTable('measures', { id: integer().primaryKey(), label: text().notNull() });
const notes = pgTable('notes', { driver: text().notNull(), body: text().notNull() });
const students = pgTable('students', {
  id: integer().primaryKey(),
  ine: text(),
  classId: integer('class_id'),
});
const classes = pgTable('classes', { id: integer().primaryKey(), name: text().notNull() });

/** Takes all steps on one connection. */
export async function takeDrizzle(env: Environment): Promise<string> {
  const client = clientFor(env);
  const db: NodePgDatabase = drizzle({ client });
  const driver = env.ROWGATE_DRIVER!;
  const insert = (into: Pick<NodePgDatabase, 'insert'>, body: string) => into.insert(notes).values({ driver, body });
  const after = async () => (await db.execute<{ n: number }>(sql`SELECT 42 AS n`)).rows[0]?.n;
  const ofDriver = eq(notes.driver, driver);
  try {
    return await takeAll({
      async connect() {
        await client.connect();
        return (await db.execute<{ server_version_num: string }>(sql`SHOW server_version_num`)).rows[0]
          ?.server_version_num;
      },
      async 'typed parameters'() {
        const [row] = await db
          .select()
          .from(things)
          .where(
            and(
              eq(things.flag, true),
              eq(things.number, 42),
              eq(things.big, 9007199254740993n),
              eq(things.amount, '1234.5600'),
              eq(things.ratio, 0.1),
              eq(things.label, "l’été d'O'Brien \"\\𝒜"),
              eq(things.day, '2026-02-28'),
              // A Date has milliseconds only.
              eq(
                sql`date_trunc('milliseconds', ${things.at})`,
                sql.param(new Date('2026-10-25T00:30:00.123Z'), things.at),
              ),
              eq(things.ref, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
              eq(things.doc, { a: [1, null, 'é'] }),
              eq(things.bytes, Buffer.from([0, 255, 16])),
              eq(things.numbers, [1, -2, 3]),
              // Its types do not know of NULL in an array.
              eq(things.names, sql`${'{"a,b","c\\"d",NULL,""}'}::text[]`),
            ),
          );
        return Object.fromEntries(
          Object.entries(row!).map(([column, value]) => [
            column,
            typeof value === 'bigint' ? `bigint ${value}` : form(value),
          ]),
        );
      },
      async 'prepared statements'() {
        const statement = db
          .select({ label: measures.label })
          .from(measures)
          .where(eq(measures.id, sql.placeholder('id')))
          .prepare('one');
        const labels: (string | undefined)[] = [];
        for (let id = 2; id <= 20; id += 2) labels.push((await statement.execute({ id }))[0]?.label);
        return labels;
      },
      async transactions() {
        await db.delete(notes).where(ofDriver);
        // rollback() throws.
        await db
          .transaction(async (transaction) => {
            await insert(transaction, 'a');
            transaction.rollback();
          })
          .catch(() => {});
        await db.transaction(async (transaction) => {
          await insert(transaction, 'b');
          await transaction
            .transaction(async (savepoint) => {
              await insert(savepoint, 'c');
              savepoint.rollback();
            })
            .catch(() => {});
          await insert(transaction, 'd');
        });
        return (await db.select().from(notes).where(ofDriver).orderBy(notes.body)).map(({ body }) => body);
      },
      async errors() {
        await db.execute(sql`BEGIN`);
        const first = await failure(db.execute(sql`SELECT 1/0`));
        const second = await failure(db.execute(sql`SELECT 1`));
        await db.execute(sql`ROLLBACK`);
        return { ...first, failed: second.sqlstate, after: await after() };
      },
      async refusal() {
        try {
          const found = await db.select({ ine: students.ine }).from(students).where(eq(students.id, 1));
          return { rows: found.map(({ ine }) => [ine]), after: await after() };
        } catch (error) {
          return { ...told(error), after: await after() };
        }
      },
      cancel: async () => new Lacks('it has none of its own'),
      async cursor() {
        let rows = 0;
        let sum = 0;
        await db.transaction(async (transaction) => {
          await transaction.execute(
            sql`DECLARE all_measures CURSOR FOR ${db.select().from(measures).orderBy(measures.id)}`,
          );
          for (;;) {
            const fetched = await transaction.execute<{ id: number }>(sql`FETCH 1000 FROM all_measures`);
            if (fetched.rows.length === 0) break;
            rows += fetched.rows.length;
            for (const { id } of fetched.rows) sum += id;
          }
        });
        return { rows, sum };
      },
      copy: async () => new Lacks('it has none of its own'),
      async 'joins and aggregates'() {
        return db
          .select({ name: classes.name, pupils: count() })
          .from(students)
          .innerJoin(classes, eq(students.classId, classes.id))
          .where(eq(classes.id, 1))
          .groupBy(classes.id, classes.name)
          .having(sql`count(*) > 0`)
          .limit(5);
      },
    });
  } finally {
    await client.end();
  }
}
