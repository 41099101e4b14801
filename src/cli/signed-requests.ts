/** What all requests that approvers sign have in common on the command line: `list`, `text` and `approve`. Signing is the business of `ssh-keygen`. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { printError } from '../app/print.ts';
import { ask, failed, type GuardCommandOptions, print, printToSign, table, toGuard } from './ask-guard.ts';

type Shown = (iso: string) => string;

interface Request {
  readonly id: string;
  /** The text that is signed; absent if no signature is needed. */
  readonly text?: string;
}

/** One kind of request. `Item`: as the guard lists it; `Approved`: what it answers to a signature. */
export interface RequestKind<Item extends Request, Approved> {
  /** `permit`: messages call it so. */
  readonly noun: string;
  /** `ssh-keygen -Y sign -n NAMESPACE` */
  readonly namespace: string;
  /** Its commands at the control socket, and the field under which they are listed. */
  readonly commands: { readonly list: string; readonly approve: string };
  readonly field: string;
  /** Of the help. */
  readonly about: { readonly list: string; readonly text: string; readonly approve: string };
  /** The command that lists them, where it is not `list`. */
  readonly listedBy?: string;
  /** Printed if there are no requests. */
  readonly none: string;
  readonly columns: Readonly<Record<string, (item: Item, shown: Shown) => string>>;
  /** What a signature has come to. */
  approved(answer: Approved, shown: Shown): string;
}

/** Adds `list`, `text ID` and `approve ID`. */
export function addRequestCommands<Item extends Request, Approved>(
  command: Command,
  kind: RequestKind<Item, Approved>,
): void {
  const { about, commands, columns } = kind;
  const all = async (options: GuardCommandOptions) => {
    const asked = await ask<Readonly<Record<string, readonly Item[]>>>(options, commands.list, {});
    return asked && { ...asked, items: asked.answer[kind.field] ?? [] };
  };
  const find = async (
    id: string,
    options: GuardCommandOptions,
  ): Promise<(Item & { readonly text: string }) | undefined> => {
    const asked = await all(options);
    if (!asked) return undefined;
    const found = asked.items.find((item) => item.id === id);
    if (found?.text === undefined) return failed(1, `there is no ${kind.noun} "${id}" that is to be signed`);
    return { ...found, text: found.text };
  };

  toGuard(command.command(kind.listedBy ?? 'list'))
    .description(about.list)
    .action(async (options: GuardCommandOptions) => {
      const asked = await all(options);
      if (!asked) return;
      const rows = asked.items.map((item) => Object.values(columns).map((cell) => cell(item, asked.shown)));
      print(options, asked.answer, () => (rows.length === 0 ? kind.none : table([Object.keys(columns), ...rows])));
    });
  toGuard(command.command('text'))
    .description(about.text)
    .argument('<id>')
    .action(async (id: string, options: GuardCommandOptions) => {
      const found = await find(id, options);
      if (found) printToSign(options, found);
    });
  toGuard(command.command('approve'))
    .description(about.approve)
    .argument('<id>')
    .option('--key <file>', 'your key, or its .pub where an agent holds it', join(homedir(), '.ssh', 'id_ed25519'))
    .option('--signature <file>', 'a signature that was made elsewhere')
    .action(async (id: string, options: GuardCommandOptions & SigningOptions) => {
      const found = await find(id, options);
      const signature = found && signatureOf(found.text, kind.namespace, options);
      if (signature === undefined) return;
      const asked = await ask<Approved>(options, commands.approve, { id, signature });
      if (asked) print(options, asked.answer, () => kind.approved(asked.answer, asked.shown));
    });
}

/** The text of a new request, and who must sign it by which command. */
export function askedWords({ id, text, needed }: Request & { readonly needed: number }, command: string): string {
  const who = needed === 1 ? '1 approver signs it' : `${needed} approvers sign it`;
  return `${text}\n${who}: rowgate ${command} approve ${id}\n`;
}

interface SigningOptions {
  readonly key?: string;
  readonly signature?: string;
}

/** Undefined if signing failed: the problem was printed. ssh-keygen signs and asks for the passphrase itself; Rowgate never reads the private key. */
function signatureOf(text: string, namespace: string, options: SigningOptions): string | undefined {
  if (options.signature !== undefined) {
    if (!existsSync(options.signature)) return failed(2, `${options.signature}: no such file`);
    return readFileSync(options.signature, 'utf8');
  }
  const key = options.key ?? '';
  if (!existsSync(key)) return failed(2, `${key}: no such key`, 'Name yours by --key.');
  // What is signed is shown first.
  printError(`${text}\n`);
  const made = spawnSync('ssh-keygen', ['-Y', 'sign', '-n', namespace, '-f', key], {
    input: text,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if ((made.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    const hint = 'Install it (Debian: openssh-client), or sign the text elsewhere: the command "text" prints it.';
    return failed(2, 'ssh-keygen is not installed', hint);
  }
  return made.status === 0 ? made.stdout : failed(1, 'ssh-keygen did not sign it');
}
