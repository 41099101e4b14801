/** Signs what approvers sign, by `ssh-keygen`, or takes a signature that was made elsewhere. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { printError } from '../app/print.ts';
import { failed } from './ask-guard.ts';

export interface SigningOptions {
  readonly key?: string;
  readonly signature?: string;
}

export function withSigning(command: Command): Command {
  return command
    .option('--key <file>', 'your key, or its .pub where an agent holds it', join(homedir(), '.ssh', 'id_ed25519'))
    .option('--signature <file>', 'a signature that was made elsewhere');
}

/** Undefined where there is none: that was said. Made by ssh-keygen, who asks for the passphrase itself; the key never comes near us. */
export function signatureOf(text: string, namespace: string, options: SigningOptions): string | undefined {
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
