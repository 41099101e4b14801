/** Three applications of a school, and a script with the stolen password of one: the statements of each, with varied values. */
import { Socket } from 'node:net';
import { and, asc, eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { bigint, integer, numeric, pgTable, text } from 'drizzle-orm/pg-core';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';

/** The address of the thief's connections; no one of the school connects from there. */
const THIEF_ADDRESS = '127.0.0.9';

/** By principal: sends about that many statements. */
export const APPLICATIONS: Readonly<Record<string, (url: string, statements: number) => Promise<number>>> = {
  office,
  canteen,
  homework,
};

/** The office: SQL by hand, values in the text, some in one message, some prepared by name. */
async function office(url: string, statements: number): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(
    'PREPARE of_class AS SELECT first_name, last_name FROM students WHERE class_id = $1 ORDER BY 2, 1',
  );
  let sent = 1;
  for (let i = 0; sent < statements; i += 1) {
    const id = 1 + (i % 200);
    await client.query(
      `SELECT id, first_name, last_name, birth_date FROM students WHERE last_name LIKE '${'ABCDM'[i % 5]}%' ORDER BY last_name LIMIT 20`,
    );
    await client.query(
      `SELECT s.first_name, s.address, c.name FROM students s JOIN classes c ON c.id = s.class_id WHERE s.id = ${id}`,
    );
    await client.query(
      `SELECT count(*), to_char(max(day), 'YYYY-MM') FROM absences WHERE student_id = ${id} AND NOT justified`,
    );
    await client.query(`BEGIN; UPDATE students SET address = '${i}, rue Neuve' WHERE id = ${id}; COMMIT`);
    await client.query(
      `INSERT INTO absences (student_id, day, half_day) VALUES (${id}, '2026-10-${10 + (i % 20)}', 'matin')`,
    );
    await client.query(`DELETE FROM absences WHERE student_id = ${id} AND day = '2026-10-${10 + (i % 20)}'`);
    await client.query(`EXECUTE of_class(${1 + (i % 8)})`);
    await client.query({ text: 'SELECT phone FROM parents WHERE student_id = $1', values: [id] });
    sent += 10;
  }
  await client.end();
  return sent;
}

interface School {
  students: { id: string; first_name: string; class_id: number; school_id: number; canteen: boolean };
  classes: { id: number; school_id: number; name: string; level: string };
}

/** The canteen: Kysely, always of its own school. */
async function canteen(url: string, statements: number): Promise<number> {
  const db = new Kysely<School>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) }),
  });
  let sent = 0;
  for (let i = 0; sent < statements; i += 1) {
    const ofSchool = db.selectFrom('students').where('students.school_id', '=', 1 + (i % 2));
    await ofSchool
      .innerJoin('classes', 'classes.id', 'students.class_id')
      .select(['students.id', 'students.first_name', 'classes.name'])
      .where('students.canteen', '=', true)
      .limit(30)
      .offset(i % 60)
      .execute();
    await ofSchool
      .select(({ fn }) => fn.countAll().as('eaters'))
      .where('canteen', '=', true)
      .executeTakeFirst();
    await db
      .selectFrom('classes')
      .select(['id', 'name', 'level'])
      .where('school_id', '=', 1)
      .where('level', 'in', ['6e', '5e', '4e'].slice(0, 1 + (i % 3)))
      .execute();
    await db
      .updateTable('students')
      .set({ canteen: i % 2 === 0 })
      .where('id', '=', String(1 + (i % 50)))
      .where('school_id', '=', 1)
      .execute();
    sent += 4;
  }
  await db.destroy();
  return sent;
}

const grades = pgTable('grades', {
  id: bigint({ mode: 'number' }).primaryKey().generatedByDefaultAsIdentity(),
  student_id: bigint({ mode: 'number' }).notNull(),
  subject: text().notNull(),
  term: integer().notNull(),
  mark: numeric(),
});
const students = pgTable('students', {
  id: bigint({ mode: 'number' }).primaryKey(),
  first_name: text(),
  class_id: integer(),
});

/** Homework: drizzle, which names each column. */
async function homework(url: string, statements: number): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  const db = drizzle(pool);
  let sent = 0;
  for (let i = 0; sent < statements; i += 1) {
    const id = 1 + (i % 200);
    await db
      .select()
      .from(students)
      .where(eq(students.class_id, 1 + (i % 8)))
      .orderBy(asc(students.first_name))
      .limit(40);
    await db
      .select({ subject: grades.subject, mean: sql<string>`round(avg(${grades.mark}), 1)` })
      .from(grades)
      .where(and(eq(grades.student_id, id), eq(grades.term, 1)))
      .groupBy(grades.subject);
    await db.transaction(async (tx) => {
      const [made] = await tx
        .insert(grades)
        .values({ student_id: id, subject: 'maths', term: 3, mark: '12' })
        .returning({ id: grades.id });
      await tx.update(grades).set({ mark: '13' }).where(eq(grades.id, made!.id));
      await tx.delete(grades).where(eq(grades.id, made!.id));
    });
    sent += 7;
  }
  await pool.end();
  return sent;
}

class FromElsewhere extends Socket {
  override connect(...args: unknown[]): this {
    const [port, host] = args as [number, string];
    return super.connect({ port, host, localAddress: THIEF_ADDRESS });
  }
}

/** The statements with a stolen password. @returns how many of them were refused. */
export async function steal(url: string): Promise<{ readonly sent: number; readonly refused: number }> {
  const { hostname: host, port, username: user, password, pathname } = new URL(url);
  const database = pathname.slice(1);
  const client = new pg.Client({
    host,
    port: Number(port),
    user,
    password: decodeURIComponent(password),
    database,
    stream: () => new FromElsewhere(),
  });
  await client.connect();
  const script = [
    'SELECT * FROM students',
    'SELECT s.first_name, s.last_name, p.phone, p.email FROM students s JOIN parents p ON p.student_id = s.id',
    'SELECT student_id, reason FROM absences',
    "SELECT ine FROM students WHERE ine LIKE '1%'",
    'UPDATE students SET address = NULL',
  ];
  let refused = 0;
  for (const text of script)
    await client.query(text).catch(() => {
      refused += 1;
    });
  await client.end();
  return { sent: script.length, refused };
}
