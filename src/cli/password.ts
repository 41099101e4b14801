/** `rowgate password`: makes the verifier for principals.yaml. The password itself is not stored. */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { printError, printOut } from '../app/print.ts';
import { DEFAULT_ITERATIONS, formatVerifier, makeVerifier, parseVerifier } from '../protocol/scram-verifier.ts';
import { readSecret } from './secret-prompt.ts';

const HELP = `
Examples:
  rowgate password                      asks for it, and prints its verifier
  rowgate password --generate           makes one up: the password on standard error, its verifier on standard output
  rowgate password --generate --like 'SCRAM-SHA-256$4096:…'
                                        for a list of two, while clients change over: SCRAM shows one salt before it
                                        knows the password, so the second verifier must have the first one's

Exit code: 0, 1 where the password is no good, 2 for a wrong call.`;

const SHORTEST = 8;

interface Options {
  readonly generate?: boolean;
  readonly like?: string;
}

export function register(program: Command): void {
  program
    .command('password')
    .description('make the SCRAM verifier of a password, for principals.yaml')
    .option('--generate', 'make up a password that cannot be guessed: 192 random bits')
    .option('--like <verifier>', 'take salt and iteration count of the verifier beside which it will stand')
    .addHelpText('after', HELP)
    .action(async (options: Options, command: Command) => {
      const like = options.like === undefined ? undefined : parseVerifier(options.like);
      if (options.like !== undefined && !like) {
        command.error('error: --like takes a verifier, SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey', {
          exitCode: 2,
        });
      }
      const password = options.generate ? randomBytes(24).toString('base64url') : await readSecret('Password: ');
      const flaw = options.generate ? undefined : flawOf(password);
      if (flaw !== undefined) {
        printError(`rowgate: ${flaw}\n`);
        process.exitCode = 1;
        return;
      }
      if (options.generate) printError(`password: ${password}\n`);
      const verifier = await makeVerifier(
        password,
        like?.salt ?? randomBytes(16),
        like?.iterations ?? DEFAULT_ITERATIONS,
      );
      printOut(`${formatVerifier(verifier)}\n`);
    });
}

/** Undefined if nothing is wrong with it. */
function flawOf(password: string): string | undefined {
  if (password === '') return 'no password was given';
  if ([...password].length < SHORTEST)
    return `the password is too short: ${SHORTEST} characters at least, better 16 and made up`;
  if (password.includes('\0')) return 'the password holds a NUL character';
  return undefined;
}
