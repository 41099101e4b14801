/** `rowgate catalog dump`: saves what Rowgate knows of the database, so that policies can be checked where it is out of reach. */
import type { Command } from 'commander';
import { ask } from '../app/ask-server.ts';
import { printOut } from '../app/print.ts';
import { catalogText, saveCatalog } from '../catalog/file.ts';
import { readCatalogWithReaches } from '../catalog/reaches.ts';
import { reasonOf } from '../core/error-text.ts';
import { failed } from './ask-guard.ts';
import { configOf } from './ground.ts';

const EXAMPLES = `
It holds names, types, what views read and the bodies of functions, and no row of any table.

Examples:
  rowgate catalog dump --out catalog.json
  rowgate check --catalog catalog.json

Exit code: 0 where it was saved, 2 where it could not be.`;

export function register(program: Command): void {
  program
    .command('catalog')
    .description('what Rowgate knows of the database')
    .command('dump')
    .description('write the catalog as JSON, for "rowgate check --catalog"')
    .option('--config <file>', 'the configuration', 'rowgate.yaml')
    .option('--out <file>', 'a file in place of standard output')
    .addHelpText('after', EXAMPLES)
    .action(async ({ config: file, out }: { config: string; out?: string }) => {
      const config = configOf(file);
      if (!config) return;
      try {
        const data = await ask(config.upstream, readCatalogWithReaches);
        if (out === undefined) printOut(catalogText(data));
        else await saveCatalog(out, data);
      } catch (error) {
        failed(2, reasonOf(error));
      }
    });
}
