/**
 * Which tool of this machine a test can use, whether it does what the test needs, and why not. The tool itself is asked. A test whose tool is
 * missing or too old is skipped, and its name says what it needs; in CI that is an error. `summary.reporter.ts` adds up what was skipped.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, TestRunner, test } from 'vitest';

export interface Need {
  /** The missing tool, as `psql 16 (15.20 is here)`; undefined where nothing is missing. */
  readonly lacks: string | undefined;
}

/** The need of a test that runs everywhere. */
export const NOTHING: Need = { lacks: undefined };

export interface Tool extends Need {
  /** Absolute; undefined where `lacks` says something. */
  readonly path: string | undefined;
}

/** How to ask each tool for its version: arguments, and the pattern of its output. A tool that prints nothing of that form counts as missing. */
const TOOLS = {
  cc: [['--version'], /\b(\d+\.\d+[.\d]*)/],
  chromium: [['--version'], /Chromium ([\d.]+)/],
  go: [['version'], /go version go([\d.]+)/],
  haproxy: [['-v'], /version ([\d.]+)/],
  java: [['-version'], /version "([\d.]+)/],
  javac: [['-version'], /javac ([\d.]+)/],
  jq: [['--version'], /^jq-([\d.]+)/],
  mount: [['--version'], /util-linux ([\d.]+)/],
  openssl: [['version'], /^OpenSSL ([\d.]+)/],
  perf: [['--version'], /perf version ([\d.]+)/],
  perl: [['-v'], /\(v([\d.]+)\)/],
  pgbench: [['--version'], /\(PostgreSQL\) ([\d.]+)/],
  pgbouncer: [['--version'], /PgBouncer ([\d.]+)/],
  pgpool: [['--version'], /version ([\d.]+)/],
  php: [['-v'], /PHP ([\d.]+)/],
  'pkcs11-tool': [['--version'], /([\d.]+)/],
  prlimit: [['--version'], /util-linux ([\d.]+)/],
  psql: [['--version'], /\(PostgreSQL\) ([\d.]+)/],
  python3: [['--version'], /Python ([\d.]+)/],
  rsyslogd: [['-v'], /rsyslogd\s+([\d.]+)/],
  ruby: [['--version'], /ruby ([\d.]+)/],
  // BSD's has other options.
  script: [['--version'], /util-linux ([\d.]+)/],
  setpriv: [['--version'], /util-linux ([\d.]+)/],
  'softhsm2-util': [['--version'], /([\d.]+)/],
  // Debian's says "unreleased".
  sqlsmith: [['--version'], /SQLsmith (\S+)/i],
  'ssh-agent': [['-h'], /usage: ssh-agent()/],
  // Before 8.0 there were no signatures.
  'ssh-keygen': [['-Y', 'sign'], /for sign()/],
  'systemd-analyze': [['--version'], /systemd (\d+)/],
  unshare: [['--version'], /util-linux ([\d.]+)/],
  'valkey-server': [['--version'], /v=([\d.]+)/],
} as const satisfies Record<string, readonly [ask: readonly string[], version: RegExp]>;

export interface Asked {
  /** The first version that will do: `16`, `1.21`. */
  readonly since?: number | string;
  /** Arguments with which the tool must end well, and what that shows: `with psycopg`. */
  readonly runs?: readonly string[];
  readonly with?: string;
}

/** Where a tool is that does what is asked for; otherwise what is missing. */
export function tool(name: keyof typeof TOOLS, asked: Asked = {}): Tool {
  const wanted = [name, asked.since, asked.with && `with ${asked.with}`].filter((part) => part !== undefined).join(' ');
  let lacks = wanted;
  for (const folder of folders()) {
    const path = join(folder, name);
    if (!isProgram(path)) continue;
    const version = versionOf(path, name);
    if (version === undefined) lacks = `${wanted} (${path} is something else)`;
    else if (asked.since !== undefined && isBefore(version, String(asked.since)))
      lacks = `${wanted} (${version} is here)`;
    else if (asked.runs && !endsWell(path, asked.runs)) lacks = `${wanted} (${path} is without)`;
    else return { path, lacks: undefined };
  }
  return { path: undefined, ...needed(lacks) };
}

/** A file that a package of the system brings. */
export function file(...paths: readonly string[]): Need {
  const missing = paths.filter((path) => !existsSync(path));
  return missing.length === 0 ? NOTHING : needed(missing.join(', '));
}

/** All of them. */
export function all(...needs: readonly Need[]): Need {
  const lacks = needs.flatMap((need) => need.lacks ?? []);
  return { lacks: lacks.length === 0 ? undefined : lacks.join(' and ') };
}

/** Something else than a tool, which CI need not have either. */
export function condition(holds: boolean, what: string): Need {
  return holds ? NOTHING : { lacks: what };
}

export const isRoot = process.getuid?.() === 0;
export const ROOT = condition(isRoot, 'root');
export const LINUX = condition(process.platform === 'linux', 'Linux');
export const LONG = condition(process.env.ROWGATE_LONG === '1', 'a long run: npm run test:long');

/** In place of `describe`: skipped, by name, where something is missing. */
export function describeWith(...needs: readonly Need[]): typeof describe {
  return withNeeds(describe, all(...needs)) as typeof describe;
}

/** In place of `test` and `it`. */
export function testWith(...needs: readonly Need[]): typeof test {
  return withNeeds(test, all(...needs)) as typeof test;
}

/** Within a test, where only some of its cases need something: ends it as skipped. INVARIANT of its callers: nothing was asserted before. */
export function need(...needs: readonly Need[]): void {
  const { lacks } = all(...needs);
  if (lacks === undefined) return;
  const running = TestRunner.getCurrentTest();
  if (!running) throw new Error(`outside of a test: needs ${lacks}`);
  running.context.skip(`needs ${lacks}`);
}

type Named = (name: string, ...rest: never[]) => unknown;
interface Api {
  readonly skip: Named & { each(...cases: never[]): Named };
}

function withNeeds(api: typeof describe | typeof test, { lacks }: Need): unknown {
  if (lacks === undefined) return api;
  const { skip } = api as unknown as Api;
  const renamed =
    (call: Named): Named =>
    (name, ...rest) =>
      call(`${name} (needs ${lacks})`, ...rest);
  return Object.assign(renamed(skip), { each: (...cases: never[]) => renamed(skip.each(...cases)) });
}

function needed(lacks: string): { readonly lacks: string } {
  if (process.env.CI) throw new Error(`not on this machine: ${lacks}`);
  return { lacks };
}

/**
 * The folders where Debian and similar systems keep PostgreSQL's clients, newest version first, before the wrappers on PATH; then folders that are
 * not on every PATH. ROWGATE_TOOLS replaces all these folders: with an empty one the machine has Node and nothing else.
 */
function folders(): string[] {
  const only = process.env.ROWGATE_TOOLS;
  if (only !== undefined) return only.split(delimiter);
  let versions: string[] = [];
  try {
    versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
  } catch {
    // not Debian: PATH alone
  }
  const clients = versions.map((version) => join('/usr/lib/postgresql', version, 'bin'));
  const path = (process.env.PATH ?? '').split(delimiter);
  return [...new Set([...clients, ...path, '/usr/bin', '/usr/sbin'])];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const ASK_MS = 60_000;

function versionOf(path: string, name: keyof typeof TOOLS): string | undefined {
  const [ask, version] = TOOLS[name];
  const { stdout, stderr } = spawnSync(path, ask, { encoding: 'utf8', timeout: ASK_MS });
  return version.exec(`${stdout}${stderr}`)?.[1];
}

function endsWell(path: string, args: readonly string[]): boolean {
  return spawnSync(path, args, { stdio: 'ignore', timeout: ASK_MS }).status === 0;
}

function isBefore(version: string, since: string): boolean {
  const [have, want] = [version, since].map((text) => text.split('.').map(Number));
  for (const [at, number] of (want ?? []).entries()) {
    const here = have?.[at] ?? 0;
    if (here !== number) return here < number;
  }
  return false;
}
