/** `rowgate password`: makes the verifier for principals.yaml. The password itself is not stored. */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { printError, printOut } from '../app/print.ts';
import { DEFAULT_ITERATIONS, formatVerifier, makeVerifier, parseVerifier } from '../protocol/scram-verifier.ts';
import { readSecret } from './secret-prompt.ts';

const HELP = `
Examples:
  rowgate password --for college_12_app asks for it, and prints its verifier
  rowgate password --generate           makes one up: the password on standard error, its verifier on standard output
  rowgate password --generate --like 'SCRAM-SHA-256$4096:…'
                                        for a list of two, while clients change over: SCRAM shows one salt before it
                                        knows the password, so the second verifier must have the first one's

A password that is guessed soon is refused (zxcvbn: 3 of 4 at least), the name of its principal in it too.
Exit code: 0, 1 where the password is no good, 2 for a wrong call.`;

const SHORTEST = 8;

interface Options {
  readonly generate?: boolean;
  readonly like?: string;
  readonly for?: string;
}

export function register(program: Command): void {
  program
    .command('password')
    .description('make the SCRAM verifier of a password, for principals.yaml')
    .option('--generate', 'make up a password that cannot be guessed: 192 random bits')
    .option('--for <principal>', 'whose it will be: its name makes no password')
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
      const flaws = options.generate ? [] : await flawsOf(password, options.for);
      if (flaws.length > 0) {
        printError(`rowgate: ${flaws.join('\nhint: ')}\n`);
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

/** What is wrong with it, then hints; empty if it is good. */
async function flawsOf(password: string, principal: string | undefined): Promise<readonly string[]> {
  if (password === '') return ['no password was given'];
  if ([...password].length < SHORTEST)
    return [`the password is too short: ${SHORTEST} characters at least, better 16 and made up`];
  if (password.includes('\0')) return ['the password holds a NUL character'];
  const weakness = (await passwordJudge())(password, principal === undefined ? [] : [principal]);
  if (!weakness) return [];
  return [`the password is weak: ${weakness.message}`, ...weakness.advice, 'rowgate password --generate makes one up.'];
}

/** Of five, from 0. zxcvbn: "safely unguessable". */
const ENOUGH = 3;

/** Words that are no secret here. */
const KNOWN = ['rowgate', 'postgres', 'postgresql', 'database', 'guard', 'principal', 'verifier'];

interface Weakness {
  /** `it can be guessed by 10,000 tries a second in 3 hours` */
  readonly message: string;
  /** What makes it weak, and what would make it stronger; perhaps nothing. */
  readonly advice: readonly string[];
}

/** Undefined if the password is good enough. `names`: words that an attacker would try first, such as the principal's name. */
export type JudgePassword = (password: string, names: readonly string[]) => Weakness | undefined;

export async function passwordJudge(): Promise<JudgePassword> {
  const [{ ZxcvbnFactory }, common, english] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-en'),
  ]);
  const zxcvbn = new ZxcvbnFactory({
    translations: english.translations,
    graphs: common.adjacencyGraphs,
    dictionary: { ...common.dictionary, ...english.dictionary },
  });
  return (password, names) => {
    const known = [...KNOWN, ...names.flatMap(partsOf)];
    // What is put around a name that everybody knows must do it alone.
    const rest = without(password, known);
    const whole = zxcvbn.check(password, known);
    const judged = whole.score < ENOUGH || rest === password ? whole : zxcvbn.check(rest, known);
    if (judged.score >= ENOUGH) return undefined;
    const { warning, suggestions } = judged.feedback;
    const what = judged === whole ? 'it' : 'what is left of it without names';
    return {
      message: `${what} can be guessed by 10,000 tries a second in ${judged.crackTimes.offlineSlowHashingXPerSecond.display}`,
      advice: [...(warning ? [warning] : []), ...suggestions],
    };
  };
}

/** `college_12_app`: itself, and `college`, `12`, `app`. */
function partsOf(name: string): string[] {
  return [name, ...name.split(/[^\p{L}\p{N}]+/u)].filter((part) => part.length > 1);
}

/** Shorter ones are part of many a word. */
const SHORTEST_NAME = 3;

function without(password: string, names: readonly string[]): string {
  const found = [...names].filter(({ length }) => length >= SHORTEST_NAME).sort((a, b) => b.length - a.length);
  return found.reduce((rest, name) => {
    const at = rest.toLowerCase().indexOf(name.toLowerCase());
    return at < 0 ? rest : rest.slice(0, at) + rest.slice(at + name.length);
  }, password);
}
