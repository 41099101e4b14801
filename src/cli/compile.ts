/** `rowgate compile`: prints the second wall as SQL, or compares a live server with it. Changes nothing. */
import type { Command } from 'commander';
import { printError, printExactly, printOut } from '../app/print.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { type Compiled, compileWalls } from './compile-walls.ts';

const EXAMPLES = `
Examples:
  rowgate compile > wall.sql && psql -1 -v ON_ERROR_STOP=1 -f wall.sql
  rowgate compile --role teacher
  rowgate compile --direct --principal college_12_app   an account for a client of the server itself
  rowgate compile --verify                              is the server as it should be?

Exit code: 0 where it was printed, or nothing differs; 1 where --verify found
differences, or a role is closed by errors; 2 where neither could be done.`;

interface Options {
  readonly config: string;
  readonly role?: string;
  readonly principal?: string;
  readonly direct?: boolean;
  readonly revokePublic?: boolean;
  readonly verify?: boolean;
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
