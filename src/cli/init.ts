/** `rowgate init`: drafts a configuration and policies for a database that has no policies yet. */
import type { Command } from 'commander';
import { printError, printOut } from '../app/print.ts';
import { reasonOf } from '../core/error-text.ts';
import { NoSubject } from '../desk/init/draft.ts';
import { type Initialized, initialize } from '../desk/init/init.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { several } from './log-source.ts';

const EXAMPLES = `
Examples:
  rowgate init --url postgres://postgres:…@db:5432/ent
  rowgate init --url postgres://… --dir /etc/rowgate --subject student=students.id --keep-passwords

Every role is drafted from what its login may do today, in "mode: observe": nothing is refused until that line goes. Nothing is
overwritten; a second run adds what is missing.

Exit code: 0, or 2 where nothing could be drafted.`;

interface Options {
  readonly url: string;
  readonly dir: string;
  readonly subject: readonly string[];
  readonly keepPasswords?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('init')
    .description('draft a configuration and policies from a database: its people, and what each login may do')
    .requiredOption('--url <url>', 'the database, by an account that sees all of it')
    .option('--dir <folder>', 'where the files go', '.')
    .option(
      '--subject <name=table.column>',
      'whose data it is, by the key of the table with one row for each person; may be repeated',
      several,
      [],
    )
    .option(
      '--keep-passwords',
      "clients keep their passwords: the server's SCRAM verifiers are taken over (superusers only)",
    )
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(async ({ url, dir, subject, keepPasswords = false, json }: Options) => {
      await loadParser();
      try {
        const done = await initialize({ url, folder: dir, subjects: subject, keepPasswords });
        printOut(json ? `${JSON.stringify(asJson(done))}\n` : told(done, dir, keepPasswords));
      } catch (error) {
        printError(`rowgate: ${error instanceof NoSubject ? error.message : reasonOf(error)}\n`);
        process.exitCode = 2;
      }
    });
}

function asJson({ draft, passwords, ...rest }: Initialized): unknown {
  const roles = [...draft.roles].map(([login, { role }]) => ({ login, role, left: draft.left.get(role) ?? [] }));
  return {
    ...rest,
    subjects: draft.subjects,
    candidates: draft.candidates,
    roles,
    passwords: Object.fromEntries(passwords),
  };
}

function told(
  { draft, created, extended, passwords, alterRoles, superusers }: Initialized,
  dir: string,
  kept: boolean,
): string {
  const lines = [...created.map((path) => `wrote ${path}`), ...extended.map((path) => `added to ${path}`)];
  if (lines.length === 0) lines.push('nothing was missing');
  for (const { name, keys } of draft.subjects) lines.push('', `subject ${name}: ${keys.join(', ')}`);
  if (draft.subjects.length === 0)
    lines.push('', 'no table seems to be about people: name one with --subject NAME=TABLE.COLUMN');
  if (draft.candidates.length > 0) {
    const others = draft.candidates.slice(0, 10).join(', ');
    lines.push(
      `other tables that may be about people, for --subject: ${others}${draft.candidates.length > 10 ? ', …' : ''}`,
    );
  }
  for (const [role, left] of draft.left)
    if (left.length > 0) lines.push('', `role ${role}:`, ...left.map((one) => `  ${one}`));
  if (superusers.length > 0) lines.push('', `superusers are drafted no role: ${superusers.join(', ')}`);
  if (passwords.size > 0) {
    lines.push('', 'Passwords for clients of Rowgate, shown this once:');
    lines.push(...[...passwords].map(([login, password]) => `  ${login}  ${password}`));
  }
  if (kept && alterRoles.length > 0) {
    lines.push(
      '',
      'Clients keep their passwords. To be run once they go through Rowgate (upstream.sql has it as well):',
    );
    lines.push(...alterRoles);
  }
  if (created.length > 0 || extended.length > 0) {
    const config = dir === '.' ? '' : ` --config ${dir}/rowgate.yaml`;
    lines.push(
      '',
      `next: psql -v ON_ERROR_STOP=1 -f ${dir === '.' ? '' : `${dir}/`}upstream.sql, as a superuser; rowgate check${config}; rowgate serve${config}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
