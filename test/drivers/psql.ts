/** psql: each step is a script, run by its own psql. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CTRL_C, PSQL_16, run, SCRIPT, typed } from '../clients/psql.ts';
import { all } from '../support/tools.ts';
import type { Driver, Environment } from './driver.ts';
import { takeAll } from './node/steps.ts';
import { PARAMETERS } from './steps.ts';

const CANCEL_AFTER_MS = 500;

/** For `\bind`: row 2 of `things`. */
const BOUND = [
  'true',
  '42',
  '9007199254740993',
  '1234.5600',
  '0.1',
  "l’été d'O'Brien \"\\𝒜",
  '2026-02-28',
  '2026-10-25T02:30:00.123456+02:00',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '{"a": [1, null, "é"]}',
  '\\x00ff10',
  '{1,-2,3}',
  '{"a,b","c\\"d",NULL,""}',
];

export const PSQL_DRIVER: Driver = {
  name: 'psql',
  language: 'C',
  needs: all(PSQL_16, SCRIPT),
  run: takePsql,
};

async function takePsql(env: Environment): Promise<string> {
  const driver = env.ROWGATE_DRIVER!;
  /** Lines of its output: values without heads, separated by a character that no value holds. */
  const lines = async (script: string, ...options: string[]): Promise<string[]> => {
    const args = ['-X', '-q', '-A', '-t', '-F', SEPARATOR, ...options];
    const { stdout, stderr, status } = await run(PSQL_16.path ?? '', args, env, script);
    if (status !== 0) throw new Error(stderr);
    return stdout.split('\n').slice(0, -1);
  };
  return takeAll({
    connect: async () => (await lines('SHOW server_version_num;'))[0],
    async 'typed parameters'() {
      const bound = BOUND.map((value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`).join(' ');
      const conditions = PARAMETERS.map((column, index) => `${column} = $${index + 1}`).join(' AND ');
      const shown = await lines(
        `SELECT ${PARAMETERS.join(', ')} FROM things WHERE ${conditions} \\bind ${bound} \\gx\n`,
      );
      return Object.fromEntries(shown.map((line) => line.split(SEPARATOR)));
    },
    'prepared statements': () => {
      const executed = Array.from({ length: 10 }, (_, n) => `EXECUTE one(${2 * n + 2});`).join('\n');
      return lines(`PREPARE one (integer) AS SELECT label FROM measures WHERE id = $1;\n${executed}`);
    },
    async transactions() {
      const insert = (body: string) => `INSERT INTO notes (driver, body) VALUES ('${driver}', '${body}');`;
      return lines(`DELETE FROM notes WHERE driver = '${driver}';
BEGIN; ${insert('a')} ROLLBACK;
BEGIN; ${insert('b')} SAVEPOINT s; ${insert('c')} ROLLBACK TO SAVEPOINT s; ${insert('d')} COMMIT;
SELECT body FROM notes WHERE driver = '${driver}' ORDER BY body;`);
    },
    async errors() {
      const [sqlstate, message, failed, after] = await lines(`BEGIN;
SELECT 1/0;
\\echo :LAST_ERROR_SQLSTATE
\\echo :LAST_ERROR_MESSAGE
SELECT 1;
\\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT 42;`);
      return { sqlstate, message, failed, after: Number(after) };
    },
    async refusal() {
      const shown = await lines(`SELECT ine FROM students WHERE id = 1;
\\if :ERROR
\\echo :LAST_ERROR_SQLSTATE
\\echo :LAST_ERROR_MESSAGE
\\endif
SELECT 42;`);
      const after = Number(shown.pop());
      const [first, message] = shown;
      return message === undefined ? { rows: [[first]], after } : { sqlstate: first, message, after };
    },
    async cancel() {
      const [sqlstate, after] = await interrupted(env);
      return { sqlstate, after: Number(after) };
    },
    async cursor() {
      const shown = await lines('\\set FETCH_COUNT 1000\nSELECT id, label FROM measures ORDER BY id;');
      return { rows: shown.length, sum: shown.reduce((sum, line) => sum + Number.parseInt(line, 10), 0) };
    },
    async copy() {
      const data = Array.from({ length: 1000 }, (_, n) => `${driver}\tline ${n}\n`).join('');
      const mine = `DELETE FROM notes WHERE driver = '${driver}';`;
      const out = await lines('COPY (SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id) TO STDOUT;');
      const [copied] = await lines(`${mine}
COPY notes (driver, body) FROM STDIN;
${data}\\.
SELECT count(*) FROM notes WHERE driver = '${driver}';
${mine}`);
      return { out: out.length, in: Number(copied) };
    },
  });
}

const SEPARATOR = '\x1f';

/** Ctrl-C on a terminal while a statement runs: what psql then says of it, and the result of the next one. */
async function interrupted(env: Environment): Promise<(string | undefined)[]> {
  const text = 'SELECT count(*) FROM measures AS a, measures AS b, measures AS c;\n';
  const options = [`host=${env.PGHOST} port=${env.PGPORT} dbname=${env.PGDATABASE} user=${env.PGUSER}`];
  options.push(`password=${env.PGPASSWORD} sslmode=${env.PGSSLMODE} sslrootcert=${env.PGSSLROOTCERT ?? ''}`);
  const shown = await typed(options.join(' '), [
    { text, when: () => sleep(CANCEL_AFTER_MS), follow: CTRL_C },
    '\\echo :LAST_ERROR_SQLSTATE\n',
    '\\t\n\\a\nSELECT 42;\n',
  ]);
  return shown.slice(1).map((answer) => /^\w{2,5}$/m.exec(answer)?.[0]);
}
