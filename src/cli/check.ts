/** `rowgate check`: the policies against the database, or against a saved catalog. */
import type { Command } from 'commander';
import { printOut } from '../app/print.ts';
import { compileCondition, compileMask } from '../policy/compile/condition.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { checkPolicies, formatCheck } from './check-policies.ts';

const EXAMPLES = `
Examples:
  rowgate check
  rowgate check --save-catalog catalog.json     where the database can be reached
  rowgate check --catalog catalog.json --json   where it cannot, as in CI

Exit code: 0 without errors, 1 with errors (or, with --strict, warnings), 2 where it could not be checked.`;

export function register(program: Command): void {
  program
    .command('check')
    .description('check the policies: every mistake with file, line and column')
    .option('--config <file>', 'the configuration', 'rowgate.yaml')
    .option('--catalog <file>', 'a saved catalog in place of the database')
    .option('--save-catalog <file>', 'save the catalog of the database there')
    .option('--strict', 'warnings fail as well, unless "accept" stands where they are')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(
      async (
        options: { config: string; catalog?: string; saveCatalog?: string; strict?: boolean; json?: boolean },
        command: Command,
      ) => {
        if (options.catalog !== undefined && options.saveCatalog !== undefined) {
          command.error('error: --save-catalog reads the database; it does not go with --catalog', { exitCode: 2 });
        }
        await loadParser();
        const result = await checkPolicies(options, { compileCondition, compileMask });
        const { exitCode, ...shown } = result;
        printOut(options.json ? `${JSON.stringify(shown)}\n` : formatCheck(result));
        process.exitCode = exitCode;
      },
    );
}
