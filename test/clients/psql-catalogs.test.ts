/** Tests psql's \d commands and its completion by TAB: the same output as in a database with only the role's grants. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith, testWith } from '../support/tools.ts';
import { type Copies, copiesFor, dropCopies } from './copies.ts';
import { statementsIn } from './decision-log.ts';
import { PSQL_16, psqlScript, SCRIPT, typed } from './psql.ts';
import { PRINCIPALS, startWorld, type World } from './world.ts';

let world: World;
let copies: Copies;

beforeAll(async () => {
  world = await startWorld();
  copies = await copiesFor(PRINCIPALS, world.account.user);
});

afterAll(async () => {
  await dropCopies(copies);
  await world?.stop();
});

/** As the guard's own account, so that owner and privileges read alike. */
const direct = (principal: string): string => copies.get(principal)!.urlFor(world.account.user, world.account.password);

/** The database's own name is no difference. */
const unnamed = (text: string, principal: string): string =>
  text.replaceAll(world.database.name, '(database)').replaceAll(copies.get(principal)!.name, '(database)');

const TABLES = ['academies', 'schools', 'classes', 'teachers', 'students', 'parents', 'absences', 'grades'];
const COMMANDS = [
  ...['\\d', '\\dt', '\\di', '\\dv', '\\ds', '\\dm', '\\dE', '\\dP', '\\dtvs', '\\dti public.*'],
  ...TABLES.map((table) => `\\d ${table}`),
  ...[
    '\\d+ students',
    '\\d public.*',
    '\\d students_pkey',
    '\\d students_id_seq',
    '\\d nothing',
    '\\d pg_class',
    '\\dS+ pg_type',
  ],
  ...[
    '\\dn',
    '\\dn+',
    '\\df',
    '\\df+',
    '\\da',
    '\\dT',
    '\\dT+',
    '\\dD',
    '\\do',
    '\\dC',
    '\\dx',
    '\\dL',
    '\\db',
    '\\dO',
    '\\dF',
  ],
  ...[
    '\\dp',
    '\\z students',
    '\\ddp',
    '\\drg',
    '\\dy',
    '\\dRp',
    '\\dRs',
    '\\des',
    '\\det',
    '\\dew',
    '\\dX',
    '\\dA',
    '\\dAc',
    '\\dd',
  ],
  ...[
    '\\dF+ english',
    '\\dFp+',
    '\\dFd+ simple',
    '\\dtS pg_catalog.*',
    '\\dvS',
    '\\dfS',
    '\\dTS',
    '\\doS',
    '\\dAo',
    '\\encoding',
  ],
];

/** Commands with another output on purpose. */
const DIFFERENT: Readonly<Record<string, string>> = {
  '\\ddp': 'rights that the owner gives in advance are shown to nobody',
};

describeWith(PSQL_16)('psql shows what was granted, as if there were no more', () => {
  it.each(PRINCIPALS)('%s', async (principal) => {
    const script = COMMANDS.map((command) => `\\echo '== ${command.replaceAll('\\', '\\\\')}'\n${command}\n`).join('');
    const [through, beside] = await Promise.all([
      psqlScript(world.url(principal), script),
      psqlScript(direct(principal), script),
    ]);
    const commands = new Set(COMMANDS.filter((command) => principal === 'dba' || !(command in DIFFERENT)));
    expect(different(parts(unnamed(through, principal)), parts(unnamed(beside, principal)), commands)).toEqual({});
  });
});

function parts(text: string): Map<string, string> {
  const found = text.split(/^== /m).slice(1);
  return new Map(found.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]));
}

/** By command, the beginnings of both outputs where they differ. */
function different(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  commands: ReadonlySet<string>,
): Record<string, [string, string]> {
  const found: Record<string, [string, string]> = {};
  for (const command of commands) {
    const [a, b] = [one.get(command), other.get(command)];
    if (a === undefined || a !== b) found[command] = [String(a).slice(0, 2000), String(b).slice(0, 2000)];
  }
  return found;
}

describeWith(PSQL_16)('psql is refused what would tell more', () => {
  it.each([
    ['alter user current_user password $$x$$;', /permission denied for ALTER ROLE/, 'the last step of \\password'],
  ])('%s', async (command, error) => {
    const [refusal, still] = parts(
      await psqlScript(world.url('teacher'), `\\echo == 1\n${command}\n\\echo == 2\nselect 'still';\n`),
    ).values();
    expect(refusal).toMatch(error);
    expect(still).toContain('still');
  });

  it('a body of a function, which may name what was not granted: it shows nothing', async () => {
    expect((await psqlScript(world.url('teacher'), '\\sf school_year\n')).trim()).toBe('');
  });

  it('settings: those of the list', async () => {
    const shown = await psqlScript(world.url('teacher'), '\\dconfig *\n');
    expect(shown).toMatch(/server_version /);
    expect(shown).not.toMatch(/data_directory|hba_file|ssl_key_file/);
  });

  it('no password of another server', async () => {
    expect(await psqlScript(world.url('teacher'), '\\deu+\n')).toContain('(0 rows)');
  });

  it.each([
    ['\\d+', 'students'],
    ['\\dt+', 'students'],
    ['\\di+', 'students_pkey'],
    ['\\l+', 'UTF8'],
  ])('%s shows no size: it tells of rows that are hidden', async (command, shown) => {
    const text = await psqlScript(world.url('teacher'), `${command}\n`);
    expect(text).not.toMatch(/ERROR|[0-9] (bytes|kB|MB|GB)/);
    expect(text).toContain(shown);
  });

  it('psql shows only its own database, role, and owners of what is granted', async () => {
    await world.database.query('CREATE ROLE hidden_account; CREATE TABLE hidden_table (id int)');
    await world.database.query('ALTER TABLE hidden_table OWNER TO hidden_account');
    const shown = parts(await psqlScript(world.url('teacher'), "\\echo '== l'\n\\l\n\\echo '== du'\n\\du\n"));
    await world.database.query('DROP TABLE hidden_table; DROP ROLE hidden_account');
    expect(shown.get('l')).toContain(world.database.name);
    expect(shown.get('l')).toContain('(1 row)');
    expect(shown.get('du')).toMatch(new RegExp(`^ ${world.account.user} +\\|`, 'm'));
    // Beside it who owns what is shown, without their rights.
    expect(shown.get('du')).toMatch(/^ postgres +\| No inheritance, Cannot login/m);
    expect(shown.get('du')).not.toMatch(/Superuser|hidden_account/);
  });
});

describeWith(PSQL_16, SCRIPT)('TAB completes what was granted, and nothing else', () => {
  const LINES = [
    ...[
      'select * from stu\t',
      'select * from \t\t',
      'select * from public.\t\t',
      'table par\t\t',
      'select * from students where \t\t',
    ],
    ...[
      'select * from students s order by la\t',
      'select school_\t\t',
      'update students set \t\t',
      'insert into students (\t\t',
    ],
    ...[
      '\\d stu\t',
      '\\d \t\t',
      '\\dt \t\t',
      '\\di stu\t\t',
      '\\df school\t',
      '\\dn pu\t',
      '\\dT da\t\t',
      '\\ds \t\t',
      '\\dv \t\t',
    ],
    ...[
      'set tim\t',
      'set timezone to "Europe/Par\t',
      'show datest\t',
      'alter table stu\t',
      'alter table students drop \t\t',
    ],
    ...[
      'alter table students drop constraint \t\t',
      'drop index \t\t',
      'comment on constraint \t\t',
      'execute \t\t',
      'fetch \t\t',
    ],
    ...[
      'create index on students (\t\t',
      'analyze stu\t',
      'explain select * from sch\t',
      'copy stu\t',
      'drop function \t\t',
    ],
    ...['\\sf school\t', '\\l \t\t', 'grant select on stu\t', 'alter subscription \t\t', 'alter publication \t\t'],
  ].filter((line) => line !== '\\l \t\t'); // \l lists one database only

  it.each(PRINCIPALS)('%s', async (principal) => {
    const through = await typed(world.url(principal, 'application_name=completion'), LINES);
    const beside = await typed(direct(principal), LINES);
    const shown = (answers: readonly string[]) =>
      new Map(LINES.map((line, index) => [line, unnamed(answers[index]!, principal).trim()]));
    expect(different(shown(through), shown(beside), new Set(LINES))).toEqual({});
  });
});

testWith(PSQL_16)('recorded: all else that psql asked was allowed, and came through whole', async () => {
  const statements = statementsIn(await world.log());
  expect(statements.length).toBeGreaterThan(100);
  const refused = statements.filter(({ status }) => status !== 'ok');
  expect(refused.map(({ principal, status }) => `${principal} ${status}`)).toEqual(['teacher refused']);
});
