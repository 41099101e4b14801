/**
 * The groups of the tests. `unit`: no server. `server`: one PostgreSQL for all. `apart`: as `server`, and each file has modules of its own, which it replaces.
 * `system`: drivers, applications, commands, other programs, attacks by every way, crashes, long runs; `system apart` those of them that replace modules or
 * what Node brings. The first three are `npm test`; `.ci/run` runs all.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Folders and beginnings of file names. */
const SYSTEM = [
  'admin/deploy',
  'applications/',
  'attacks/',
  'audit/breach',
  'audit/digest',
  'audit/person',
  'audit/renamed',
  'audit/reports',
  'budgets/begun-before',
  'bulk/fleet',
  'bulk/honest-days',
  'bulk/honest-uses',
  'bulk/time',
  'catalog/changes',
  'catalog/vanished',
  'channels/teeth',
  'chaos/',
  'cli/access-unused',
  'cli/explain',
  'cli/output',
  'clients/gui-catalogs',
  'clients/pgbench',
  'clients/psql',
  'clients/tools',
  'completeness/',
  'console/pages',
  'console/server',
  'console/unusual',
  'control/',
  'demo/',
  'desk/diff',
  'desk/init',
  'desk/learn',
  'desk/others-schemas',
  'desk/replay',
  'desk/test',
  'drivers/',
  'forward/forward',
  'forward/syslog',
  'guard/writes-on-the-wire',
  'hardware/',
  'noninterference/teeth',
  'oauth/',
  'plans/',
  'portal/portal',
  'proxy/changed-pins',
  'proxy/commands',
  'proxy/overtime',
  'proxy/tightened',
  'proxy/upstream-credentials',
  'record/disks',
  'record/rotation',
  'record/subject-ids',
  'reuse/open-roles',
  'reuse/reads',
  'second-wall/',
  'servers/',
  'session/late-timeout',
  'session/random-sequences',
  'shapes/shapes',
  'soak/',
  'sqlsmith/',
  'stalls/',
  'store/redis',
  'tampering/edits',
  'tampering/killed',
  'tampering/retention',
  'transparency/',
  'workers/',
];

/** A module, a method of all objects of a class, or a global is replaced for the whole file. */
const REPLACES = /vi\.mock\(|^vi\.spyOn\(|^globalThis\.\w+ = /m;

/** Where a test gets the address of the server of all tests. */
const SERVER = join(ROOT, 'test/support/postgres.ts');

export interface Groups {
  readonly unit: string[];
  readonly server: string[];
  readonly apart: string[];
  readonly system: string[];
  readonly 'system apart': string[];
}

/** Paths of the test files, from the root of the repository. */
export function groupsOfTests(): Groups {
  const groups: Groups = { unit: [], server: [], apart: [], system: [], 'system apart': [] };
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' });
  for (const file of files.sort())
    if (file.endsWith('.test.ts') && !file.includes('node_modules')) groups[groupOf(file)].push(`test/${file}`);
  return groups;
}

function groupOf(name: string): keyof Groups {
  const file = join(ROOT, 'test', name);
  const imported = importsOf(file, new Set([file]));
  const isApart = [...imported].some((one) => REPLACES.test(textOf(one)));
  if (SYSTEM.some((start) => name.startsWith(start))) return isApart ? 'system apart' : 'system';
  if (isApart) return 'apart';
  return imported.has(SERVER) ? 'server' : 'unit';
}

/** Modules of `test` that it reaches. */
function importsOf(file: string, into: Set<string>): Set<string> {
  for (const [, path] of textOf(file).matchAll(/(?:from|import) ?\(?'(\.[^']+\.ts)'/g)) {
    const found = join(dirname(file), path!);
    if (into.has(found) || !found.startsWith(join(ROOT, 'test/')) || !existsSync(found)) continue;
    into.add(found);
    importsOf(found, into);
  }
  return into;
}

const texts = new Map<string, string>();

function textOf(file: string): string {
  const known = texts.get(file) ?? readFileSync(file, 'utf8');
  texts.set(file, known);
  return known;
}
