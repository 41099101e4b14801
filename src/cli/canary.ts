/** `rowgate canary`: the hashes by which the guard recognizes made-up people, whose data no one has a reason to read. */
import type { Command } from 'commander';
import { readCanaryKey } from '../app/canary-key.ts';
import { printOut } from '../app/print.ts';
import type { Config } from '../config/config.ts';
import { canaryHash } from '../policy/model/canaries.ts';
import { PolicyDocument } from '../policy/source/document.ts';
import { PolicyFolderError, readPolicyFolder } from '../policy-files/folder.ts';
import { failed, table } from './ask-guard.ts';
import { configOf } from './ground.ts';

const HELP = `
Examples:
  rowgate canary hash 4711 --subject student
  rowgate canary hash < keys.txt         a key a line, and none in the shell's history
  rowgate canary list                    how many there are

Insert them where no one has a reason to look: a principal that reads one through the guard is locked out. Keep the keys nowhere; the hashes are
made with the key that keys.canaries in rowgate.yaml names ("openssl rand -base64 32 > canary.key; chmod 600 canary.key").
Exit code: 0, 1 where it failed, 2 for a wrong call.`;

interface Options {
  readonly config: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const canary = program
    .command('canary')
    .description('made-up people, whose data no one has a reason to read: hash, list')
    .addHelpText('after', HELP);
  common(canary.command('hash'))
    .description('the hashes of keys, for subjects.yaml')
    .argument('[key...]', 'as the server gives them as text; without any, a key a line from standard input')
    .option('--subject <name>', 'whose keys they are; not needed where there is one subject')
    .action(hash);
  common(canary.command('list')).description('how many canaries each subject has').action(list);
}

function common(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration', 'rowgate.yaml')
    .option('--json', 'one JSON object on standard output');
}

async function hash(keys: string[], options: Options & { subject?: string }): Promise<void> {
  const ready = await configured(options);
  if (!ready) return;
  const counts = await subjectsIn(ready.config);
  if (!counts) return;
  const subject = options.subject ?? (counts.size === 1 ? [...counts.keys()][0] : undefined);
  if (subject === undefined) return failed(2, `of which subject? --subject ${[...counts.keys()].join(' or ')}`);
  if (!counts.has(subject)) return failed(2, `there is no subject "${subject}" in the policies`);
  const all = keys.length > 0 ? keys : await linesOfInput();
  if (all.length === 0) return failed(2, 'no key was given');
  // Other characters than ASCII have other bytes if a client uses another encoding.
  if (all.some((key) => !/^[\x20-\x7e]+$/.test(key)))
    return failed(1, 'a key of a canary must be ASCII, and not empty');
  const canaries = all.map((key) => canaryHash(ready.key, subject, key));
  printOut(options.json ? `${JSON.stringify({ subject, canaries })}\n` : canaries.map((one) => `${one}\n`).join(''));
}

async function list(options: Options): Promise<void> {
  const config = configOf(options.config, undefined, 1);
  const counts = config && (await subjectsIn(config));
  if (!counts) return;
  if (options.json) printOut(`${JSON.stringify(Object.fromEntries(counts))}\n`);
  else printOut(table([['subject', 'canaries'], ...[...counts].map(([name, n]) => [name, String(n)])]));
}

async function configured(options: Options): Promise<{ config: Config; key: Uint8Array } | undefined> {
  const config = configOf(options.config, undefined, 1);
  if (!config) return undefined;
  const key = await readCanaryKey(config.keys.canaries);
  if (key instanceof Uint8Array) return { config, key };
  if (typeof key === 'object') return failed(1, key.problem);
  const hint =
    'openssl rand -base64 32 > canary.key; chmod 600 canary.key; and in rowgate.yaml: keys: { canaries: canary.key }';
  return failed(1, 'there is no key for canaries: keys.canaries in rowgate.yaml', hint);
}

/** By subject, how many canaries it has. The database is not asked, so nothing else is known of them. */
async function subjectsIn(config: Config): Promise<Map<string, number> | undefined> {
  const counts = new Map<string, number>();
  try {
    for (const file of await readPolicyFolder(config.policies)) {
      const { value } = new PolicyDocument(file);
      const { subjects } = (value ?? {}) as { subjects?: Record<string, { canaries?: unknown[] } | null> };
      for (const [name, subject] of Object.entries(subjects ?? {})) counts.set(name, subject?.canaries?.length ?? 0);
    }
  } catch (error) {
    if (!(error instanceof PolicyFolderError)) throw error;
    return failed(1, error.message);
  }
  return counts;
}

async function linesOfInput(): Promise<string[]> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) text += chunk;
  return text.split(/\r?\n/).filter((line) => line !== '');
}
