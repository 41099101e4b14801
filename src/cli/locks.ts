/** `rowgate locks`: who is locked out, and locking and releasing by hand. */
import type { Command } from 'commander';
import type { ShownLock } from '../control/commands/locks.ts';
import { ask, duration, EXIT_CODES, type GuardOptions, print, shownTime, table, toGuard } from './ask-guard.ts';

const HELP = `
Examples:
  rowgate locks list
  rowgate locks add college_12_app --reason "credential found in a mail" 
  rowgate locks add college_12_app --reason "until the vendor answers" --for 2h
  rowgate locks release college_12_app --reason "new password given out"

${EXIT_CODES}`;

type Reasoned = GuardOptions & { readonly reason: string };

export function register(program: Command): void {
  const locks = program
    .command('locks')
    .description('who is locked out of a running guard; lock and release')
    .addHelpText('after', HELP);
  toGuard(locks.command('list'))
    .description('who is locked out, since when, until when, why and by whom')
    .action(async (options: GuardOptions) => {
      const answer = await ask<{ locks: ShownLock[] }>(options, 'locks.list', {});
      if (answer) print(options, answer, () => listed(answer.locks));
    });
  toGuard(locks.command('add'))
    .description('end the sessions of a principal, and refuse its logins')
    .argument('<principal>')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--for <duration>', 'for how long, as 2h; without it, until it is released')
    .action(async (principal: string, options: Reasoned & { readonly for?: string }, command: Command) => {
      const forMs = options.for === undefined ? {} : { forMs: duration(command, '--for', options.for) };
      const given = { principal, reason: options.reason, ...forMs };
      const answer = await ask<{ until?: string }>(options, 'locks.add', given);
      if (!answer) return;
      const until = answer.until === undefined ? 'until it is released' : `until ${shownTime(answer.until)}`;
      print(options, answer, () => `principal "${principal}" is locked out ${until}\n`);
    });
  toGuard(locks.command('release'))
    .description('let a principal in again')
    .argument('<principal>')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (principal: string, options: Reasoned) => {
      const answer = await ask<{ was: string }>(options, 'locks.release', { principal, reason: options.reason });
      if (answer) print(options, answer, () => `"${principal}" is released; it was locked for: ${answer.was}\n`);
    });
}

function listed(locks: readonly ShownLock[]): string {
  if (locks.length === 0) return 'nobody is locked out\n';
  const rows = locks.map(({ principal, since, until, by, reason }) => [
    principal,
    shownTime(since),
    until === undefined ? 'released' : shownTime(until),
    by,
    reason,
  ]);
  return table([['principal', 'since', 'until', 'by', 'reason'], ...rows]);
}
