/** Checks the floors of the source: a file imports its own folder and lower floors only, and deciding code touches no sockets, files, clock or randomness. */
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect, it } from 'vitest';

/** The folders of `src/`, from the ground up. A folder in another one that has a floor of its own is a room by itself. */
const FLOORS: readonly (readonly string[])[] = [
  ['core'],
  ['pki'],
  ['protocol', 'sql'],
  ['policy', 'metering'],
  ['guard', 'native'],
  ['session', 'estimates/plan'],
  ['net'],
  ['catalog', 'config', 'identity', 'policy-files'],
  ['decision-log', 'upstream'],
  ['estimates'],
  ['budget'],
  ['server'],
  ['operations'],
  ['app', 'demo'],
  ['desk'],
  ['console'],
  ['cli'],
];

const HIGHEST_PURE_FLOOR = 5;
/** Modules of Node that compute and do nothing else. */
const PURE_MODULES = ['node:assert', 'node:buffer', 'node:crypto', 'node:net', 'node:util']; // node:net for isIP and BlockList, see IMPURE
/** The parser is a module that must be loaded again after a failure, and V8 is told how to compile it. */
const LOADS_MODULES = 'sql/parse/parser-module.ts';
const IMPURE =
  /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|randomBytes|randomUUID|randomInt|randomFill|setTimeout|setInterval|setImmediate|fetch\(|process\.|createConnection|createServer|net\.connect|new Socket)/;

const source = resolve(import.meta.dirname, '../../src');
const files = (await readdir(source, { recursive: true })).filter((file) => /\.tsx?$/.test(file)).sort();

const ROOMS = FLOORS.flat().sort((a, b) => b.length - a.length);

/** The innermost room; undefined: it has none. */
function room(file: string): string | undefined {
  return ROOMS.find((one) => file.startsWith(one + sep));
}

/** Every module that a file names, in import, export … from, or import(). */
function imports(text: string): string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].map((match) => match[1] ?? '');
}

/** Comments may speak of clocks; code may not read them. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}

function read(file: string): string {
  return readFileSync(join(source, file), 'utf8');
}

function floorOf(file: string): number {
  const own = room(file);
  return own === undefined ? Number.NaN : FLOORS.findIndex((rooms) => rooms.includes(own));
}

it.each(files)('src/%s has a floor and imports its own folder and lower floors only', (file) => {
  expect(floorOf(file)).toBeGreaterThanOrEqual(0);
  for (const name of imports(read(file)).filter((name) => name.startsWith('.'))) {
    const target = relative(source, resolve(source, dirname(file), name));
    if (room(target) === room(file)) continue;
    expect(floorOf(target), `${name}, imported from floor ${floorOf(file)}`).toBeLessThan(floorOf(file));
  }
});

it('every room has files', () => {
  expect(ROOMS.filter((one) => !files.some((file) => room(file) === one))).toEqual([]);
});

it('no import comes back to where it started, types included', () => {
  const done = new Set<string>();
  const follow = (file: string, path: readonly string[]): void => {
    expect(path, `${[...path, file].join(' → ')}`).not.toContain(file);
    if (done.has(file)) return;
    for (const name of imports(read(file)).filter((name) => name.startsWith('.'))) {
      follow(relative(source, resolve(source, dirname(file), name)), [...path, file]);
    }
    done.add(file);
  };
  for (const file of files) follow(file, []);
});

it.each(files.filter((file) => floorOf(file) <= HIGHEST_PURE_FLOOR))(
  'src/%s touches no sockets, files, clock or randomness',
  (file) => {
    const modules = imports(read(file)).filter((name) => name.startsWith('node:'));
    const allowed = file === LOADS_MODULES ? [...PURE_MODULES, 'node:module', 'node:v8'] : PURE_MODULES;
    expect(modules.filter((name) => !allowed.includes(name))).toEqual([]);
    expect(withoutComments(read(file)).match(IMPURE)?.[0]).toBeUndefined();
  },
);

/** Together they take a third of a second of a processor at each start. */
const LOADED_WHERE_USED = ['@mongodb-js/saslprep', 'age-encryption', 'ioredis', 'jose', 'openid-client', 'prom-client'];

it('a guard starts without the libraries that most guards never use', () => {
  const loaded = loadedWith('app/run-guard.ts', loadedWith('cli/serve.ts'));
  expect(loaded).toContain('pino');
  expect(LOADED_WHERE_USED.filter((name) => loaded.has(name))).toEqual([]);
});

it('the primary of several workers starts without what judges and serves', () => {
  const loaded = loadedWith('cli/serve.ts');
  expect(loaded).toContain('app/serve-workers.ts');
  expect(loaded).not.toContain('guard/guard.ts');
});

/** Files of the source, and names of packages, that are loaded before a file runs. */
function loadedWith(file: string, into = new Set<string>()): Set<string> {
  if (into.has(file)) return into;
  into.add(file);
  for (const [, name = ''] of read(file).matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)'/gm)) {
    if (name.startsWith('.')) loadedWith(relative(source, resolve(source, dirname(file), name)), into);
    else into.add(name);
  }
  return into;
}

it('sees imports in each of their forms', () => {
  const text = "import a from './a.ts';\nexport * from './b.ts';\nimport './c.ts';\nconst d = await import('./d.ts');";
  expect(imports(text)).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts']);
});
