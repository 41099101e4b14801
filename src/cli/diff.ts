/** `rowgate diff`: two policies compared in words, by principal, and whether the newer one is proven to give nothing more. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { oneLine, printOut, printProblems, shownPath } from '../app/print.ts';
import { compilePolicies } from '../app/read-policies.ts';
import { reasonOf } from '../core/error-text.ts';
import { comparePolicies, type PrincipalChanges } from '../desk/diff/principals.ts';
import { withStandIns } from '../desk/diff/stand-ins.ts';
import type { PolicyFile } from '../policy/source/document.ts';
import { readPolicyFolder } from '../policy-files/folder.ts';
import type { Catalog } from '../sql/catalog/catalog.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { failed } from './ask-guard.ts';
import { catalogOf, configOf } from './ground.ts';
import { filesOfHash } from './log-policies.ts';
import { fromLog, type LogCommandOptions, logSource } from './log-source.ts';

const HELP = `
Examples:
  rowgate diff policies ../proposed/policies
  rowgate diff sha256:3b9b2a41 policies --no-new-access      a policy that was in force, by its hash in "rowgate log policies"

A "+" gives more, or is not proven to give no more; a "-" is proven to give less. Both are compared on one catalog: --catalog, catalog.json in the
newer folder, or the database's.
Exit code: 0 without a difference, 1 with one (with --no-new-access: with a "+", or where something could not be compared), 2 where they could not be
read.`;

interface Options extends LogCommandOptions {
  readonly catalog?: string;
  readonly newAccess: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  fromLog(program.command('diff'))
    .description('say in words what a policy gives each principal that another does not')
    .argument('<old>', 'a policies folder, or the hash of a policy that was in force')
    .argument('<new>', 'the same of the newer one')
    .option('--catalog <file>', 'a saved catalog in place of the database')
    .option('--no-new-access', 'fail unless each change is proven to give less or the same')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', HELP)
    .action(diff);
}

async function diff(old: string, now: string, options: Options): Promise<void> {
  const beside = [now, old].map((folder) => join(folder, 'catalog.json')).find((file) => existsSync(file));
  const catalogFile = options.catalog ?? beside;
  const config = configOf(options.config, catalogFile);
  if (!config) return;
  await loadParser();
  const sides: Side[] = [];
  let catalog: Catalog;
  try {
    for (const name of [old, now]) {
      const side = await sideOf(name, options);
      if (!side) return;
      sides.push(side);
    }
    catalog = await catalogOf(config, catalogFile);
  } catch (error) {
    return failed(2, reasonOf(error));
  }
  const withoutSecrets = sides.some(({ kept }) => kept);
  const [before, after] = sides.map(({ files }) => compilePolicies(files, config, catalog)) as [Read, Read];
  const found = comparePolicies(before.policy, after.policy, { catalog, withoutSecrets });
  const errors = [
    ...before.errors.map((error) => `${old}: ${error}`),
    ...after.errors.map((error) => `${now}: ${error}`),
  ];
  const notCompared = [`${shownPath(config.file)} (one is used for both)`, ...(withoutSecrets ? [SECRETS] : [])];
  report(found, { errors, notCompared, options });
  const unproven = found.some(({ changes }) => changes.some(({ less }) => !less));
  const isMore = unproven || errors.length > 0 || withoutSecrets;
  process.exitCode = (options.newAccess ? found.length > 0 || errors.length > 0 : isMore) ? 1 : 0;
}

const SECRETS = 'passwords and canaries, which are not kept beside the log';

type Read = ReturnType<typeof compilePolicies>;

interface Side {
  readonly files: readonly PolicyFile[];
  /** They were kept beside the log, without secrets. */
  readonly kept: boolean;
}

/** Undefined if it cannot be read: the problem was printed. */
async function sideOf(name: string, options: Options): Promise<Side | undefined> {
  if (existsSync(name) || !/^(sha256:)?[0-9a-f]{8,64}$/.test(name))
    return { files: await readPolicyFolder(resolve(name)), kept: false };
  const log = logSource(options);
  if (!log) return undefined;
  const files = await filesOfHash(log, name);
  if ('problem' in files) return failed(2, files.problem);
  return { files: files.map(withStandIns), kept: true };
}

interface Reported {
  readonly errors: readonly string[];
  readonly notCompared: readonly string[];
  readonly options: Options;
}

function report(found: readonly PrincipalChanges[], { errors, notCompared, options }: Reported): void {
  const all = found.flatMap(({ principal = null, changes }) => changes.map((change) => ({ principal, ...change })));
  const unproven = all.filter(({ less }) => !less).length;
  if (options.json) {
    printOut(`${JSON.stringify({ changes: all, unproven, errors, notCompared })}\n`);
    return;
  }
  printProblems(errors);
  const lines = found.flatMap(({ principal, changes }) => [
    principal === undefined ? 'all principals:' : `${principal}:`,
    ...changes.map(({ words, less }) => `  ${less ? '-' : '+'} ${words}`),
  ]);
  const counts = `${all.length} difference${all.length === 1 ? '' : 's'}, ${unproven} of them not proven to give less or the same`;
  printOut(`${[...lines, ...(all.length === 0 ? ['no difference'] : [counts])].map(oneLine).join('\n')}\n`);
  printOut(notCompared.map((what) => `not compared: ${what}\n`).join(''));
}
