/** Tests the way from observing to enforcing: three applications and a thief, the policy that `learn` makes of their log, and what the guard then lets through. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { saveCatalog } from '../../src/catalog/file.ts';
import { register as check } from '../../src/cli/check.ts';
import { register as diff } from '../../src/cli/diff.ts';
import { register as learn } from '../../src/cli/learn.ts';
import { register as report } from '../../src/cli/log-report.ts';
import { register as replay } from '../../src/cli/replay.ts';
import { learn as learnRole } from '../../src/desk/learn/learn.ts';
import { observedReport } from '../../src/desk/learn/observed.ts';
import { roleFile as roleFileOf } from '../../src/desk/learn/role-file.ts';
import { Occurrences, Seen, type SeenStatement } from '../../src/desk/learn/seen.ts';
import { TakenAmounts } from '../../src/desk/learn/taken.ts';
import { withMark } from '../../src/desk/learn/written-mark.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { catalogOf, environment } from '../policy/environment.ts';
import { runCommand } from '../support/command.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { APPLICATIONS, steal } from './three-applications.ts';
import { SAMPLES } from './world.ts';

/** Statements of each application. */
const STATEMENTS = process.env.ROWGATE_LONG === '1' ? 33_400 : 120;

const folder = mkdtempSync(join(tmpdir(), 'rowgate-learn-'));
const policies = join(folder, 'policies');
let database: FreshDatabase;
let guard: TestGuard;
let sent = 0;

const roleFile = (role: string): string => join(policies, `roles/${role}_app.yaml`);
const command = (...args: string[]) =>
  runCommand([check, diff, learn, replay, report], [...args, '--config', guard.configFile]);

/** Mappings and lists of both. */
function merged(a: unknown, b: unknown): object {
  if (Array.isArray(a) || Array.isArray(b)) return [...((a ?? []) as unknown[]), ...((b ?? []) as unknown[])];
  const out: Record<string, unknown> = { ...(a as object) };
  for (const [key, value] of Object.entries(b as object))
    out[key] =
      typeof value === 'object' && value !== null ? merged(out[key] ?? (Array.isArray(value) ? [] : {}), value) : value;
  return out;
}

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  mkdirSync(join(policies, 'roles'), { recursive: true });
  cpSync(join(SAMPLES, 'subjects.yaml'), join(policies, 'subjects.yaml'));
  const samples = parse(readFileSync(join(SAMPLES, 'principals.yaml'), 'utf8')).principals;
  const principals: Record<string, object> = {};
  for (const name of Object.keys(APPLICATIONS)) {
    principals[name] = { role: `${name}_app`, password: samples[name].password };
    const role = { role: `${name}_app`, mode: 'observe', scope: { student: 'all' }, limits: 'none' };
    writeFileSync(roleFile(name), withMark(stringify(role)));
  }
  writeFileSync(join(policies, 'principals.yaml'), stringify({ principals }));
  await saveCatalog(join(policies, 'catalog.json'), (await catalogOf(database.url)).data);
  guard = await guardInFrontOf(database, { policies });
  for (const [name, run] of Object.entries(APPLICATIONS)) sent += await run(guard.url(name), STATEMENTS);
  const stolen = await steal(guard.url('canteen'));
  expect(stolen.refused).toBe(0);
}, 3_600_000);

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

describe('nothing is learned', () => {
  const record = (kind: string, more: object) => ({
    kind,
    guard: 'g',
    time: '2026-11-30T10:00:00.000Z',
    principal: 'p',
    ...more,
  });
  const decision = (id: string, session: string, more: object = {}) =>
    record('decision', {
      id,
      session,
      role: 'r',
      client: '10.0.0.1:5',
      command: 'SELECT',
      statement: 's',
      effect: 'allow',
      ...more,
    });
  const outcome = (id: string, status = 'ok') => record('outcome', { id, status });
  const seenOf = (...records: Record<string, unknown>[]) => {
    const seen = new Seen({
      wants: (role) => role === 'r',
      isExcepted: ({ application }) => application === 'x',
      statements: new Map(),
      dayOf: (time) => time.slice(0, 10),
    });
    for (const one of records) seen.add(one);
    const [statement] = seen.result().statements;
    return { count: statement?.evidence.count, left: Object.fromEntries(statement?.left ?? []) };
  };

  it.each([
    ['of what failed at the server', [decision('1', 'a'), outcome('1', 'error')], { failed: 1 }],
    [
      'of what was refused in enforce mode',
      [decision('1', 'a', { effect: 'refuse' }), outcome('1', 'refused')],
      { refused: 1 },
    ],
    ['of what has no outcome', [decision('1', 'a')], { 'not ended': 1 }],
    ['of what is left out', [decision('1', 'a', { application: 'x' }), outcome('1')], { except: 1 }],
    [
      'of a session that met a canary',
      [decision('1', 'a'), outcome('1'), decision('2', 'a'), record('canary', { id: '2' }), outcome('2')],
      { canary: 2 },
    ],
    [
      'of a session that was locked',
      [decision('1', 'a'), outcome('1'), record('lock', { reason: 'limit' })],
      { locked: 1 },
    ],
  ])('%s', (_, records, left) => {
    expect(seenOf(...records)).toEqual({ count: 0, left });
  });

  it('no flood makes the address that it comes from the usual one', () => {
    const seen = new Seen({
      wants: () => true,
      isExcepted: () => false,
      statements: new Map(),
      dayOf: (time) => time.slice(0, 10),
    });
    const send = (id: string, client: string, time: string): void => {
      seen.add({ ...decision(id, client, { client: `${client}:5` }), time });
      seen.add({ ...outcome(id), time });
    };
    for (let minute = 0; minute < 50; minute += 1)
      send(`a${minute}`, '10.0.0.1', `2026-11-30T10:${10 + (minute % 50)}:00.000Z`);
    for (let i = 0; i < 5000; i += 1) send(`b${i}`, '10.0.0.66', '2026-11-30T10:20:00.000Z');
    const { shares } = seen.result();
    expect(shares('10.0.0.1')).toBe(1);
    expect(shares('10.0.0.66')).toBeLessThan(0.05);
  });

  it('statements of others, and those before a lock, are learned', () => {
    const lock = record('lock', { principal: 'q' });
    expect(seenOf(decision('1', 'a'), outcome('1'), lock)).toEqual({ count: 1, left: {} });
    const later = { ...decision('2', 'b'), time: '2026-11-30T11:00:00.000Z' };
    const locked = record('lock', { time: '2026-11-30T10:30:00.000Z' });
    expect(seenOf(decision('1', 'a'), outcome('1'), locked, later, outcome('2'))).toEqual({
      count: 1,
      left: { locked: 1 },
    });
  });
});

describe('of sequences', () => {
  const seen = (text: string): SeenStatement => {
    const evidence = new Occurrences();
    const on = '2026-11-30T10:00:00.000Z';
    evidence.add({
      count: 3,
      first: on,
      last: on,
      addresses: new Map([['10.0.0.1', 3]]),
      days: new Map(),
      principals: ['p'],
    });
    const left = new Map<never, number>();
    return { text, types: [], runs: undefined, evidence, left, would: 'refuse', reason: 'x', kept: undefined };
  };

  async function learnedFrom(texts: readonly string[], mode = 'observe') {
    const own = await freshDatabase();
    await own.query('CREATE SEQUENCE bills; CREATE TABLE slips (id serial, what text)');
    const catalog = await catalogOf(own.url);
    await own.drop();
    const text = `role: r\nmode: ${mode}\nsequences: { bills: [update] }\nlimits: none\n`;
    const world = {
      files: [],
      path: 'roles/r.yaml',
      role: 'r',
      catalog,
      searchPath: ['public'],
      timeZone: 'UTC',
      pooling: 'none' as const,
    };
    const statements = texts.map(seen);
    const taken = new TakenAmounts('UTC');
    const { policy } = loadPolicy([], environment(catalog));
    const learned = learnRole({ world, policy, text, statements, shares: () => 1, taken });
    const file = roleFileOf({
      learned,
      world,
      before: text,
      dayOf: (time) => time.slice(0, 10),
      span: { from: '2026-11-30', to: '2026-11-30' },
    });
    return { learned, file, statements, world: { ...world, text } };
  }

  it('an observed role stays observed, an enforced one enforced', async () => {
    const modes = ['observe', 'enforce'];
    const learned = await Promise.all(modes.map((mode) => learnedFrom(['SELECT last_value FROM bills'], mode)));
    expect(learned.map(({ file }) => parse(file).mode)).toEqual(modes);
  });

  it('a column that INSERT names with DEFAULT alone is learned as one that is read', async () => {
    const named = "INSERT INTO slips (id, what) VALUES (DEFAULT, 'b')";
    const { learned, file } = await learnedFrom([`${named} RETURNING id`, named]);
    expect(parse(file).tables).toEqual({ slips: { select: { columns: ['id'] }, insert: { columns: ['what'] } } });
    expect(learned.leftOut).toEqual([]);
    const given = await learnedFrom([named, "INSERT INTO slips (id, what) VALUES (DEFAULT, 'b'), (7, 'c')"]);
    expect(parse(given.file).tables.slips.insert).toEqual({ columns: ['id', 'what'] });
  });

  it('what is asked of them is learned, but not what goes with a table into which is inserted', async () => {
    const { learned, file, statements, world } = await learnedFrom([
      "SELECT nextval('bills'), currval('public.bills')",
      'SELECT last_value FROM bills',
      "SELECT nextval('slips_id_seq')",
      "INSERT INTO slips (what) VALUES ('a')",
      "SELECT nextval('gone'), nextval($1)",
    ]);
    expect(parse(file)).toMatchObject({
      sequences: { bills: ['usage', 'select'] },
      tables: { slips: { insert: { columns: ['what'] } } },
    });
    expect(file).toContain('    - usage # 3 times, 1 address');
    expect(learned.leftOut.map(({ statement }) => statement.text)).toEqual(["SELECT nextval('gone'), nextval($1)"]);
    const report = observedReport(statements.slice(0, 1), world);
    expect(report.lines.map(({ yaml }) => yaml)).toEqual(['sequences: { bills: [usage] }']);
  });
});

describe('in turn', () => {
  it.each(Object.keys(APPLICATIONS))(
    'what would be refused of %s is told, and the lines that allow it let it all pass',
    async (name) => {
      const asJson = await command('log', 'report', 'observed', '--role', `${name}_app`, '--json');
      const [report] = JSON.parse(asJson.stdout);
      expect(report.refused.sent).toBeGreaterThan(40);
      expect(report.reasons[0]).toMatchObject({ reason: 'relation-not-granted', principals: [name] });
      const { lines } = report;
      expect(lines.at(-1).passing).toBe(report.refused.statements);
      for (const [at, { passing }] of lines.entries())
        expect(passing).toBeGreaterThanOrEqual(lines[at - 1]?.passing ?? 0);
      const other = join(folder, `with lines of ${name}`);
      cpSync(policies, other, { recursive: true });
      const role = lines.reduce(
        (all: object, { yaml }: { yaml: string }) => merged(all, parse(yaml)),
        parse(readFileSync(roleFile(name), 'utf8')),
      );
      writeFileSync(join(other, `roles/${name}_app.yaml`), stringify(role));
      const told = await command('replay', '--policies', other, '--principal', name, '--json');
      expect(JSON.parse(told.stdout)).toMatchObject({ refused: 0, unknown: 0, errors: [] });
      const { stdout, status } = await command('log', 'report', 'observed', '--role', `${name}_app`);
      const french = await command('log', 'report', 'observed', '--role', `${name}_app`, '--language', 'fr');
      expect(french.stdout).toMatch(/^rôle \w+ : \d/);
      expect(stdout).toContain(
        `${lines.length} lines in all let ${report.allowed} of ${report.refused.statements} statements pass`,
      );
      expect(status).toBe(0);
    },
  );

  it('what came from one address alone is left out, and noted in the file for review', async () => {
    const { stdout, stderr, status } = await command('learn', '--role', 'canteen_app');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/# review: public\.students select ine, from 127\.0\.0\.9 alone: \d+ times, 1 address/);
    expect(stdout).toMatch(/# review: public\.absences select reason, from 127\.0\.0\.9 alone/);
    const { tables } = parse(stdout);
    expect(Object.keys(tables).sort()).toEqual(['classes', 'students']);
    expect(tables.students.select.columns.sort()).toEqual(['canteen', 'class_id', 'first_name', 'id', 'school_id']);
    expect(tables.students.update.columns).toEqual(['canteen']);
    expect(stdout).toMatch(/- first_name # \d+ times, 1 address, /);
    expect(stdout).toMatch(
      /# rows: or scope: school_id = … stands in 100 % of the statements on students, its value is not known/,
    );
  });

  it('--except leaves it out by its address; --write replaces files that are unchanged since, and nothing else', async () => {
    for (const name of Object.keys(APPLICATIONS)) {
      const except = name === 'canteen' ? ['--except', 'address=127.0.0.9'] : [];
      const { stdout, stderr, status } = await command('learn', '--role', `${name}_app`, '--write', ...except);
      expect(stderr).toBe('');
      expect(status, stdout).toBe(0);
      if (name === 'canteen') expect(stdout).toContain('left out: 5 statements, sent 5 times');
      else expect(stdout).toContain('left out: 0 statements');
    }
    expect(readFileSync(roleFile('canteen'), 'utf8')).not.toMatch(/\bine\b|absences/);
    const own = readFileSync(roleFile('office'), 'utf8');
    writeFileSync(roleFile('office'), `# mine\n${own}`);
    const { stderr, status } = await command('learn', '--role', 'office_app', '--write');
    expect(stderr).toContain('roles/office_app.yaml.new');
    expect(status).toBe(1);
    expect(readFileSync(roleFile('office'), 'utf8')).toBe(`# mine\n${own}`);
    expect(readFileSync(`${roleFile('office')}.new`, 'utf8')).toBe(own);
    rmSync(`${roleFile('office')}.new`);
  });

  it.each([
    [['--role', 'ofice_app'], 'did you mean "office_app"?'],
    [['--role', 'canteen_app', '--except', 'principal=kanteen'], 'did you mean "canteen"?'],
    [['--role', 'canteen_app', '--since', '2026-01-01', '--until', '2026-01-02'], 'no statement of role "canteen_app"'],
  ])('%j is a wrong call, with the nearest name: exit code 2', async (args, said) => {
    const { stderr, status } = await command('learn', ...args);
    expect(stderr).toContain(said);
    expect(status).toBe(2);
  });

  it('the written policy passes check', async () => {
    const { stdout, stderr, status } = await command('check');
    expect(status, stdout + stderr).toBe(0);
  });

  it('replay of the same log refuses what was left out, and nothing else', async () => {
    for (const name of Object.keys(APPLICATIONS)) {
      const { stdout } = await command('replay', '--policies', policies, '--principal', name, '--json');
      const told = JSON.parse(stdout);
      expect(told, name).toMatchObject({ refused: name === 'canteen' ? 4 : 0, unknown: 0, byShape: 0, errors: [] });
      expect(told.all, name).toBeGreaterThan(4);
      if (name !== 'canteen') expect(told.limits).toEqual([]);
    }
  });

  it('each command of the page about it is one that works', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/desk.md'), 'utf8');
    const road = /## From observing to enforcing\n.*?```sh\n(.*?)```/s.exec(page)?.[1] ?? '';
    const commands = road.split('\n').flatMap((line) => /^rowgate ([^#]*[^# ])/.exec(line)?.[1] ?? []);
    expect(commands.map((one) => one.split(' ')[0])).toEqual([
      'init',
      'serve',
      'log',
      'learn',
      'learn',
      'check',
      'replay',
    ]);
    // Tests of their own: test/desk/init.test.ts, and the guard in front of this one.
    for (const one of commands.slice(2)) {
      const { stderr, status } = await command(
        ...one.replace('policies/', policies).replace('kiosk', 'homework').split(' '),
      );
      expect(stderr, one).toBe('');
      expect(status, one).toBe(0);
    }
  });

  it('one principal can be enforced before its role is, and observed after: as diff says, which is more access', async () => {
    const file = join(policies, 'principals.yaml');
    const before = readFileSync(file, 'utf8');
    const inMode = (mode: string): string =>
      before.replace('role: canteen_app', `role: canteen_app\n    mode: ${mode}`);
    writeFileSync(file, inMode('enforce'));
    await guard.reload();
    const enforced = await steal(guard.url('canteen'));
    expect(enforced.refused).toBe(enforced.sent);
    const other = join(folder, 'one of them observed');
    cpSync(policies, other, { recursive: true });
    writeFileSync(join(other, 'principals.yaml'), inMode('observe'));
    expect(await command('diff', policies, other, '--no-new-access')).toMatchObject({
      stdout: expect.stringContaining('canteen:\n  + is only observed: everything is let through'),
      status: 1,
    });
    expect((await command('diff', other, policies, '--no-new-access')).status).toBe(0);
    writeFileSync(file, before);
    await guard.reload();
    expect((await steal(guard.url('canteen'))).refused).toBe(0);
  });

  it('enforced, the same goes through, and the thief gets nothing', { timeout: 3_600_000 }, async () => {
    for (const name of Object.keys(APPLICATIONS))
      writeFileSync(roleFile(name), readFileSync(roleFile(name), 'utf8').replace('mode: observe\n', ''));
    await guard.reload();
    const before = (await guard.records()).length;
    let again = 0;
    for (const [name, run] of Object.entries(APPLICATIONS)) again += await run(guard.url(name), STATEMENTS);
    const refused = (await guard.records()).slice(before).filter(({ effect }) => effect === 'refuse');
    expect(refused).toEqual([]);
    const stolen = await steal(guard.url('canteen'));
    expect(stolen.refused).toBe(stolen.sent);
    console.log(
      `${sent} statements under observe, ${again} under enforce, none refused; ${stolen.refused} of ${stolen.sent} of the stolen credential refused`,
    );
  });
});
