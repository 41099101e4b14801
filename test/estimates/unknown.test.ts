/** Tests statements without an estimate: those that the server refuses anyway are left to it, all others are refused, and asking changes nothing. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { estimatesInFront, type TestEstimates } from './support.ts';

let under: TestEstimates;

beforeAll(async () => {
  under = await estimatesInFront({ timeoutMs: 300 });
});

afterAll(() => under?.stop());

test.for([
  ["SELECT id FROM students WHERE last_name = 'a' AND id < 'x'", 'passes', 'no number, wherever it is sent'],
  ['SELECT 1/0', '22012', 'as the server would say'],
  ["SELECT id FROM absences WHERE day = '31/12/2026'", '22008', 'a date by settings of the session alone'],
  ['SELECT id FROM picked', 'passes', 'the client’s own rows'],
  ['SELECT s.id FROM picked p JOIN students s ON s.id = p.id', '53400', 'a table that only the client’s session has'],
  ['INSERT INTO picked SELECT id FROM students', '53400', 'the same'],
  ['EXECUTE p', '53400', 'nothing is known of it'],
  ['FETCH 10 FROM c', 'passes', 'its cursor was asked about'],
  ['PREPARE p AS SELECT id FROM students', 'passes', 'nothing runs'],
  ['BEGIN', 'passes', 'nothing is read'],
])('%s: %s', async ([sql, expected]) => {
  expect(await under.short('teacher', sql!)).toBe(expected);
});

test('a plan that takes too long gives no estimate', async () => {
  const holder = await under.database.connect();
  await holder.query('BEGIN; LOCK TABLE grades IN ACCESS EXCLUSIVE MODE');
  expect(await under.short('dba', 'SELECT count(*) FROM grades')).toBe('53400');
  await holder.query('ROLLBACK');
  await new Promise((done) => setTimeout(done, 1100));
  expect(await under.short('dba', 'SELECT count(*) FROM grades')).toMatch(/^1\//);
  await holder.end();
});

test('a connection that was cut is opened again', async () => {
  await under.short('dba', 'SELECT id FROM grades');
  await under.database.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rowgate estimates' AND datname = current_database()",
  );
  await new Promise((done) => setTimeout(done, 50));
  expect(await under.short('dba', 'SELECT id, mark FROM grades')).toMatch(/^\d+\/\d+$/);
});

test('asking changes nothing', async () => {
  await under.database.query(`CREATE SEQUENCE counted; CREATE TABLE told (n int); GRANT ALL ON counted, told TO PUBLIC;
    CREATE FUNCTION tells(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN INSERT INTO told VALUES ($1); RETURN $1; END'`);
  const answers = [
    await under.short('dba', "SELECT nextval('counted')"),
    await under.short('dba', 'SELECT id FROM students WHERE id = tells(3)'),
    await under.short('dba', "EXECUTE p(nextval('counted'))", { prepared: 'PREPARE p AS SELECT $1::bigint' }),
    await under.short('dba', 'EXECUTE p(pg_try_advisory_lock(77))', { prepared: 'PREPARE p AS SELECT $1::boolean' }),
    await under.short('dba', 'DELETE FROM grades'),
  ];
  expect(answers).toEqual(['1/0', '0A000', '53400', '1/0', expect.stringMatching(/^0\/\d+$/)]);
  const [seen] = await under.database.query<{ told: number; called: boolean; grades: boolean; free: boolean }>(
    `SELECT (SELECT count(*)::int FROM told) AS told, (SELECT is_called FROM counted) AS called, EXISTS (SELECT FROM grades) AS grades,
       pg_try_advisory_lock(77) AS free`,
  );
  expect(seen).toEqual({ told: 0, called: false, grades: true, free: true });
});

test('no second statement passes behind the first', async () => {
  const { policyOf, estimates } = under;
  const policy = policyOf('dba');
  const statement = policy.judge('SELECT 1').statements[0]!;
  const ask = (text: string) =>
    new Promise<string>((done) => {
      const again = (): void => {
        const answer = estimates.of(policy, statement, () => ({ text, parameterTypes: [] }), again);
        if (answer !== 'wait') done(answer.kind);
      };
      again();
    });
  expect(await ask('SELECT count(*) FROM students; DELETE FROM grades')).toBe('refused');
  expect(await ask('SELECT count(*) FROM students; COMMIT; DELETE FROM grades')).toBe('refused');
  const [{ some } = { some: false }] = await under.database.query<{ some: boolean }>(
    'SELECT EXISTS (SELECT FROM grades) AS some',
  );
  expect(some).toBe(true);
});

test('a session that asks much does not keep others waiting', async () => {
  const holder = await under.database.connect();
  await holder.query('BEGIN; LOCK TABLE parents IN ACCESS EXCLUSIVE MODE');
  const slow = Array.from({ length: 20 }, (_, i) => under.short('dba', `SELECT count(*) FROM parents WHERE id > ${i}`));
  const began = performance.now();
  await under.short('counter', 'SELECT count(*) FROM classes WHERE id < 9');
  expect(performance.now() - began).toBeLessThan(1500);
  await holder.query('ROLLBACK');
  await Promise.all(slow);
  await holder.end();
});

test('and others of the same role that ask the same are not refused', async () => {
  const holder = await under.database.connect();
  await holder.query('BEGIN; LOCK TABLE parents IN ACCESS EXCLUSIVE MODE');
  const same = 'SELECT count(*) FROM classes WHERE id < 8';
  const slow = Array.from({ length: 60 }, (_, i) => under.short('dba', `SELECT count(*) FROM parents WHERE id > ${i}`));
  const late = under.short('dba', same);
  const statement = under.policyOf('dba').judge(same).statements[0]!;
  const policy = { ...under.policyOf('dba'), principal: { ...under.policyOf('dba').principal, name: 'another_dba' } };
  const began = performance.now();
  const answer = await new Promise((done) => {
    const ask = (): void => {
      const found = under.estimates.of(policy, statement, () => ({ text: same, parameterTypes: [] }), ask);
      if (found !== 'wait') done(found.kind);
    };
    ask();
  });
  expect(answer).toBe('rows');
  expect(performance.now() - began).toBeLessThan(1500);
  await holder.query('ROLLBACK');
  await Promise.all([...slow, late]);
  await holder.end();
});
