/** `rowgate compile`: prints the second wall as SQL, or compares a live server with it. Changes nothing. */
import type { Command } from 'commander';
import { ask } from '../app/ask-server.ts';
import { printError, printExactly, printOut } from '../app/print.ts';
import { readPolicies } from '../app/read-policies.ts';
import { readAccount } from '../catalog/account.ts';
import { canonicalOf } from '../catalog/canonical.ts';
import { readCatalogWithReaches } from '../catalog/reaches.ts';
import { readSurroundings } from '../catalog/surroundings.ts';
import { formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { reasonOf } from '../core/error-text.ts';
import { compareWall } from '../native/compare-wall.ts';
import type { Difference } from '../native/comparison.ts';
import { printWalls } from '../native/print-wall.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { wallsFor } from './walls.ts';

const EXAMPLES = `
Examples:
  rowgate compile > wall.sql && psql -1 -v ON_ERROR_STOP=1 -f wall.sql
  rowgate compile --role teacher
  rowgate compile --direct --principal college_12_app   an account for a client of the server itself
  rowgate compile --verify                              is the server as it should be?

Exit code: 0 where it was printed, or nothing differs; 1 where --verify found
differences, or a role is closed by errors; 2 where neither could be done.`;

interface Options extends CompileOptions {
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('compile')
    .description('print GRANTs, row security and views for a native role per role, or compare the server with them')
    .option('--config <file>', 'the configuration', 'rowgate.yaml')
    .option('--role <role>', 'this role alone')
    .option('--principal <principal>', 'an account for this principal alone, not for all of its role')
    .option(
      '--direct',
      'for clients of the server itself: masks are views, and nothing is read beyond what the role may',
    )
    .option('--revoke-public', 'take from PUBLIC what the accounts would have by it')
    .option('--verify', 'compare the server with what would be printed')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      await loadParser();
      const compiled = await compileWalls(options);
      show(compiled, options.json === true);
      process.exitCode = compiled.exitCode;
    });
}

function show(compiled: Compiled, json: boolean): void {
  const { problems, without, sql, differences } = compiled;
  if (json) {
    printOut(`${JSON.stringify({ sql: sql ?? null, differences: differences ?? null, without, problems })}\n`);
    return;
  }
  printError([...problems, ...without].map((line) => `rowgate: ${line}\n`).join(''));
  if (sql !== undefined) printExactly(sql);
  if (differences === undefined) return;
  printOut(differences.map(({ account, what }) => `${onOneLine(account)}: ${what}\n`).join(''));
  printOut(differences.length === 0 ? 'nothing differs\n' : '');
}

/** A name of an account may hold anything, the end of a line too. */
function onOneLine(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

/** What `rowgate compile` does: policies and catalog read, walls built, printed or compared. Says what it found; prints nothing. */
export interface CompileOptions {
  readonly config: string;
  readonly role?: string;
  readonly principal?: string;
  readonly direct?: boolean;
  readonly revokePublic?: boolean;
  readonly verify?: boolean;
}

export interface Compiled {
  readonly exitCode: 0 | 1 | 2;
  readonly sql?: string;
  readonly differences?: readonly Difference[];
  /** Roles without a wall, and what is withheld from the others, each with why. */
  readonly without: readonly string[];
  readonly problems: readonly string[];
}

export async function compileWalls(options: CompileOptions): Promise<Compiled> {
  const { config, problems } = loadConfig(options.config, process.env);
  if (!config) return failed(problems.map(formatProblem));
  try {
    return await ask(config.upstream, async (query): Promise<Compiled> => {
      const catalog = new Catalog(await readCatalogWithReaches(query));
      const { policy, errors, withheld } = await readPolicies(config, catalog);
      const { walls, closed, problems, ...found } = wallsFor(policy, catalog, config, {
        role: options.role,
        principal: options.principal,
        kind: options.direct === true ? 'direct' : 'guard',
      });
      if (problems.length > 0) return failed([...problems, ...errors]);
      const without = [...found.without, ...withheld];
      const incomplete = closed || withheld.length > 0;
      const surroundings = await readSurroundings(query);
      if (options.verify === true) {
        const differences: Difference[] = [];
        for (const wall of walls) {
          const found = await readAccount(query, wall);
          const canonical = await canonicalOf(query, wall);
          differences.push(...compareWall({ wall, found, canonical, surroundings, catalog }));
        }
        return { exitCode: differences.length > 0 || incomplete ? 1 : 0, differences, without, problems: [] };
      }
      const printing = { catalog, surroundings, policyHash: policy.hash, revokePublic: options.revokePublic === true };
      return { exitCode: incomplete ? 1 : 0, sql: printWalls(walls, printing), without, problems: [] };
    });
  } catch (error) {
    return failed([reasonOf(error)]);
  }
}

function failed(problems: readonly string[]): Compiled {
  return { exitCode: 2, without: [], problems };
}
