/** Tests what psql does with statements: \g and similar commands, cursors, savepoints, Ctrl-C; the same as on a database that holds only what was granted. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { describeWith, testWith } from '../support/tools.ts';
import { type Copies, copiesFor, dropCopies } from './copies.ts';
import { statementsIn } from './decision-log.ts';
import { CTRL_C, PSQL_16, psqlScript, SCRIPT, typed } from './psql.ts';
import { PRINCIPALS, type PrincipalName, startWorld, type World } from './world.ts';

let world: World;
let copies: Copies;

beforeAll(async () => {
  world = await startWorld({
    prepare: async (database) => {
      await database.query('CREATE STATISTICS names ON last_name, first_name FROM students');
    },
  });
  copies = await copiesFor(PRINCIPALS, world.account.user);
});

afterAll(async () => {
  await dropCopies(copies);
  await world?.stop();
});

const direct = (principal: string): string => copies.get(principal)!.urlFor(world.account.user, world.account.password);

/** Columns of `students` that each may see; by them together its rows have an order. */
const COLUMNS: Readonly<Record<PrincipalName, string>> = {
  teacher: 'last_name, id, birth_date, sex, class_id',
  office: 'ine, id, first_name, address, birth_date, photo_consent',
  canteen: 'first_name, id, class_id',
  statistics: 'sex, school_id, class_id, canteen',
  dba: 'ine, id, first_name, address, canteen',
};

function script(columns: string, all = '*'): string {
  return String.raw`
    select ${columns} from students order by ${columns} limit 3;
    select ${columns} from students order by ${columns} limit 3 \g
    select ${all} from students order by ${columns} limit 2 \gx
    table classes order by id limit 3;
    select count(*) as n, 'x' as "Ünï""code" from students \gset
    \echo :n :"Ünï""code"
    select ${columns}, count(*) over () as all, now() as "at" from students \gdesc
    select $1::int + count(*) as b from students where class_id > $2 \bind 41 2 \g
    select ${columns} from students where class_id = $1 order by ${columns} limit $2 \bind 1 2 \g
    select class_id, sum(1) from students group by 1 order by 1 nulls last limit 4;
    \x
    select ${columns} from students order by ${columns} limit 1;
    \x
    \timing on
    select count(*) from students;
    \timing off
    select count(*) from students \watch i=0.01 c=2
    select 'select count(*) from students' union all select 'select 2' \gexec
    select class_id % 3 as a, class_id % 2 as b, count(*) from students group by 1, 2 order by 1, 2 \crosstabview
    select 1 as one \; select count(*) as many from students \; select 3 as three;
    select nothing from students;
    \errverbose
    begin;
    select count(*) from students;
    savepoint s;
    select nothing from students;
    select 1;
    rollback to s;
    select 2;
    commit;
    \set FETCH_COUNT 7
    select ${columns} from students order by ${columns} limit 20;
    \unset FETCH_COUNT
    \set ON_ERROR_ROLLBACK on
    begin;
    select nothing from students;
    select 5;
    commit;
    \set ON_ERROR_ROLLBACK off
    begin;
    declare c scroll cursor for select ${columns} from students order by ${columns};
    fetch 2 from c;
    move 3 in c;
    fetch backward 2 from c;
    close c;
    end;
    prepare p (int) as select count(*) from students where class_id < $1;
    execute p (5);
    deallocate p;
    execute p (5);
    show datestyle;
    set datestyle = german;
    select max(birth_date) from (values (date '2014-02-28')) as v (birth_date);
    reset datestyle;
    select 1 / 0;
    select count(*) from studentz;
    selec 1;
    ;
    select;
    select 'it''s', E'\\', U&'\00e9', $$dollar$$, 'ẞ𝒜';
    \pset format csv
    select ${columns} from students order by ${columns};
  `.replace(/^ +/gm, '');
}

/** Allowed differences of two runs: times, the guard's own words beside an error, and its place in the server's source. */
function comparable(text: string): string {
  return text
    .replaceAll(world.database.name, '(database)')
    .replace(/^(Time:|Mon|Tue|Wed|Thu|Fri|Sat|Sun) ?.*$/gm, '$1')
    .replace(/^(DETAIL: {2}Decision|HINT:|LOCATION:).*\n/gm, '')
    .replace(/ (of relation|in) ".*"/g, '');
}

describeWith(PSQL_16)('statements by psql', () => {
  it.each(PRINCIPALS)('%s', async (principal) => {
    // Where no key is granted, rows alike in the others have no order.
    const text =
      principal === 'statistics' ? script(COLUMNS[principal], COLUMNS[principal]) : script(COLUMNS[principal]);
    const through = comparable(await psqlScript(world.url(principal), text));
    expect(through.split('\n').length).toBeGreaterThan(150);
    expect(through).toBe(comparable(await psqlScript(direct(principal), text)));
  });

  it.each(['teacher', 'canteen', 'statistics'])(
    '%s: what is withheld is refused in PostgreSQL’s words',
    async (principal) => {
      const shown = await psqlScript(world.url(principal), 'select ine from students;\nselect 1 as still;\n');
      expect(shown).toMatch(/^ERROR: {2}permission denied for column "ine" of relation "students"$/m);
      expect(shown).toMatch(/^LINE 1: select ine from students;\n {15}\^$/m);
      expect(shown).toMatch(/^DETAIL: {2}Decision [0-9A-Z]{26}, rule roles\/\w+\.yaml:\d+\.$/m);
      expect(shown).toMatch(/still/);
    },
  );

  it('office: \\copy gives what the same gives on a database that holds only what the role may see', async () => {
    const script =
      '\\copy (select * from students order by id) to stdout csv header\n\\copy (select id, name from schools order by id) to stdout\n';
    const shown = await psqlScript(world.url('office'), script);
    expect(shown).toBe(await psqlScript(copies.get('office')!.url, script));
    expect(shown.split('\n').length).toBeGreaterThan(20);
  });

  it.each(['teacher', 'canteen', 'statistics'])('%s: \\copy is refused, and nothing hangs', async (principal) => {
    const shown = await psqlScript(
      world.url(principal),
      "\\copy students to '/dev/null'\n\\copy (select 1) to stdout\n\\copy students from '/dev/null'\ncopy students from stdin;\n\\.\nselect 'still';\n",
    );
    expect(shown.match(/^ERROR: {2}permission denied for COPY (TO|FROM)$/gm)).toHaveLength(4);
    expect(shown).toContain('still');
  });

  it.each([
    [
      ['VACUUM', 'ANALYZE students', 'REINDEX TABLE students', 'CLUSTER', 'CHECKPOINT'],
      /unrestricted role, or the owner/,
    ],
    [['DO $$ BEGIN END $$'], /CALL a procedure/],
    [["COPY students TO '/tmp/x'", "COPY students FROM PROGRAM 'id'"], /TO STDOUT or FROM STDIN/],
    [["PREPARE TRANSACTION 'x'"], /by COMMIT/],
  ])('%j: the refusal says what to do', async (statements, hint) => {
    for (const sql of statements) {
      const shown = await psqlScript(world.url('office'), `${sql};\n`);
      const said = /^HINT: {2}(.*)$/m.exec(shown)?.[1] ?? '';
      expect(said, sql).toMatch(hint);
    }
  });

  it('dba: \\copy both ways', async () => {
    const shown = await psqlScript(
      world.url('dba'),
      [
        'begin;',
        '\\copy (select id, name from academies order by id limit 2) to stdout csv',
        '\\copy academies from stdin',
        '900\tÎle, d’Yeu',
        '901\tx',
        '\\.',
        'select * from academies where id >= 900 order by id;',
        '\\copy academies from stdin',
        '902\tx\ttoo much',
        '\\.',
        'rollback;',
        'select count(*) from academies where id >= 900;',
      ].join('\n'),
    );
    expect(shown).toContain('COPY 2\n');
    expect(shown).toContain('900 | Île, d’Yeu');
    expect(shown).toContain('ERROR:  extra data after last expected column');
    expect(shown).toMatch(/count \n-+\n +0\n/);
  });

  it('a Query of several statements is refused whole: none of them runs', async () => {
    const shown = await psqlScript(
      world.url('office'),
      'select 1 as one \\; select comment from grades \\; select 3;\n',
    );
    expect(shown).toMatch(/^ERROR: {2}permission denied for column "comment" of relation "grades"$/m);
    expect(shown).not.toContain('one \n');
  });

  it.each(['teacher', 'office', 'canteen', 'statistics'])(
    '%s: what pg_dump sets, and how it then reads',
    async (principal) => {
      const shown = await psqlScript(
        world.url(principal),
        [
          "SELECT pg_catalog.set_config('search_path', '', false);",
          'SET synchronize_seqscans TO off;',
          'SET statement_timeout = 0;',
          'SET row_security = on;',
          "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind';",
          'BEGIN;',
          'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;',
          'SELECT oid, rolname FROM pg_catalog.pg_roles ORDER BY 1;',
          'SELECT count(*) FROM pg_catalog.pg_class c WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = c.relowner);',
          "SELECT CASE WHEN defaclnamespace = 0 THEN acldefault('r', defaclrole) ELSE '{}' END AS acldefault FROM pg_default_acl;",
          'SELECT count(*) FROM public.students;',
          'COMMIT;',
          'SHOW statement_timeout;',
        ].join('\n'),
        { args: ['-At'] },
      );
      expect(shown).not.toMatch(/ERROR|WARNING/);
      expect(shown).toMatch(/^0\n[1-9]\d*\nCOMMIT\n(5s|30s|2min)\n$/m);
      // All rows or an error: from the last no row is withheld.
      const all = await psqlScript(world.url(principal), 'SET row_security = off;\nSHOW row_security;\n', {
        args: ['-At'],
      });
      if (principal === 'statistics') expect(all).toBe('SET\non\n');
      else expect(all).toMatch(/^HINT: .*--enable-row-security/m);
    },
  );

  it.each(['teacher', 'canteen'])('%s: a value that does not parse gives PostgreSQL’s SQLSTATE', async (principal) => {
    const shown = await psqlScript(world.url(principal), "select 'a'::int;\n", { args: ['-v', 'VERBOSITY=sqlstate'] });
    expect(shown).toBe('ERROR:  22P02\n');
  });

  it('\\conninfo shows the guard', async () => {
    const shown = await psqlScript(world.url('teacher'), '\\conninfo\n');
    expect(shown).toContain('teacher');
    expect(shown).toContain(String(world.port));
  });
});

describeWith(PSQL_16, SCRIPT)('Ctrl-C', () => {
  /** Until the server is at it. */
  const running = (mark: string): Promise<void> =>
    eventually(async () => {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%${mark}%' AND pid <> pg_backend_pid()`;
      return (await world.database.query(sql)).length > 0;
    }, `${mark} runs`);

  it.each([
    ['teacher', "select count(*) as long_one from generate_series(1, 100000000) a where a::text <> 'x'"],
    ['canteen', 'select count(*) as long_one from students a, students b, students c, students d, students e'],
    [
      'statistics',
      'begin; declare long_one cursor for select a from generate_series(1, 100000000) a order by -a; fetch long_one',
    ],
    ['dba', 'select pg_sleep(60) as long_one'],
  ])('%s: cancels the statement, and the session goes on', async (principal, sql) => {
    const [answer, after] = await typed(world.url(principal, 'application_name=ctrl-c'), [
      { text: `${sql};\n`, when: () => running('long_one'), follow: CTRL_C },
      'rollback; select 6 * 7;\n',
    ]);
    expect(answer).toContain('ERROR:  canceling statement due to user request');
    expect(after).toContain('42');
    const told = statementsIn(await world.log()).filter((s) => s.principal === principal && s.sqlstate === '57014');
    expect(told.map(({ status, rows }) => [status, rows])).toEqual([['error', 0]]);
  });

  it('ends \\watch', async () => {
    // When the fourth has begun, three have been shown.
    const ticks = async () => (await world.log()).filter(({ statement }) => statement?.includes('as tic')).length >= 4;
    const [answer] = await typed(world.url('teacher'), [
      {
        text: "select 'tick' as tic \\watch 0.1\n",
        when: () => eventually(ticks, 'four ticks'),
        follow: CTRL_C,
      },
    ]);
    expect(answer?.match(/^ tick *$/gm)?.length).toBeGreaterThanOrEqual(3);
  });
});

testWith(PSQL_16)('recorded: a decision before each statement, and the rows that came', async () => {
  const statements = statementsIn(await world.log());
  for (const principal of PRINCIPALS) {
    const own = statements.filter((s) => s.principal === principal);
    expect(own.filter((s) => s.status === 'error').map((s) => s.sqlstate)).not.toContain('XX000');
    expect(own.some((s) => s.command === 'SELECT' && s.status === 'ok' && s.rows === 3)).toBe(true);
  }
});
