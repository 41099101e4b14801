/** Tests the package outside of a clone, after `npm pack` and `npm install`: it holds all that the demo needs, and prints how to call it there. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownCommand } from '../../src/app/own-command.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const SHELL = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));

let folder: string;
let bin: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-installed-'));
  await chmod(folder, 0o755);
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: ROOT,
  });
  const modules = join(folder, 'node_modules');
  const home = join(modules, 'rowgate');
  await mkdir(home, { recursive: true });
  await run('tar', ['-xzf', join(folder, stdout.trim()), '-C', home, '--strip-components=1']);
  const { dependencies, bin: bins } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
  // The packages that npm would fetch, and nothing else: no dependency of the tests.
  for (const name of Object.keys(dependencies)) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
  bin = join(modules, '.bin');
  await mkdir(bin);
  await symlink(join('../rowgate', bins.rowgate), join(bin, 'rowgate'));
  await chmod(join(home, bins.rowgate), 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('the demo comes up, with commands that work from there', async () => {
  const demo = spawn(join(bin, 'rowgate'), ['demo', '--port', '0'], { cwd: folder, env: SHELL });
  let output = '';
  await new Promise<void>((done, failed) => {
    for (const stream of [demo.stdout, demo.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('Ctrl-C stops')) done();
      });
    demo.once('exit', () => failed(new Error(output)));
  });
  try {
    const [, command = ''] = /^ {2}(.* limits show .*)$/m.exec(output) ?? [];
    expect(command).toMatch(/^\.\/node_modules\/\.bin\/rowgate /);
    const { stdout } = await run('/bin/sh', ['-c', command], { cwd: folder, env: SHELL });
    expect(stdout).toContain('role teacher');
  } finally {
    demo.kill('SIGINT');
    if (demo.exitCode === null) await once(demo, 'exit');
  }
});

describe('how it is called', () => {
  const called = (path: string, npm?: string) =>
    ownCommand(join(bin, 'rowgate'), { PATH: path, ...(npm !== undefined && { npm_command: npm }) }, folder);

  it('by its name where that is in PATH', () => expect(called(`/usr/bin:${bin}`)).toBe('rowgate'));
  it('by npx where npx called it: PATH is npm’s', () => expect(called(`${bin}:/usr/bin`, 'exec')).toBe('npx rowgate'));
  it('by its path elsewhere', () => expect(called('/usr/bin')).toBe('./node_modules/.bin/rowgate'));
  it('by node where node runs the file', () =>
    expect(ownCommand(join(folder, 'dist/cli/main.js'), { PATH: '/usr/bin' }, folder)).toBe('node ./dist/cli/main.js'));
});
