/** `rowgate locks`: who is locked out, and locking and releasing by hand. */
import type { Command } from 'commander';
import { type Holder, holderName, holderWords } from '../metering/owner.ts';
import type { ShownLock } from '../operations/control/commands/locks.ts';
import {
  aboutHolder,
  ask,
  duration,
  EXIT_CODES,
  type GuardAnswer,
  type GuardCommandOptions,
  type OfUser,
  print,
  saidHolder,
  table,
  toGuard,
} from './ask-guard.ts';

const HELP = `
Examples:
  rowgate locks list
  rowgate locks add college_12_app --reason "credential found in a mail" 
  rowgate locks add college_12_app --reason "until the vendor answers" --for 2h
  rowgate locks release college_12_app --reason "new password given out"
  rowgate locks add portal/7731 --reason "phone was stolen"

${EXIT_CODES}`;

type Reasoned = GuardCommandOptions & OfUser & { readonly reason: string };

export function register(program: Command): void {
  const locks = program
    .command('locks')
    .description('who is locked out of a running guard; lock and release')
    .addHelpText('after', HELP);
  toGuard(locks.command('list'))
    .description('who is locked out, since when, until when, why and by whom')
    .action(async (options: GuardCommandOptions) => {
      const asked = await ask<{ locks: ShownLock[] }>(options, 'locks.list', {});
      if (asked) print(options, asked.answer, () => listed(asked));
    });
  aboutHolder(toGuard(locks.command('add')))
    .description(
      'end the sessions of a principal, and refuse its logins; of a person behind one, refuse the statements',
    )
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--for <duration>', 'for how long, as 2h; without it, until it is released')
    .action(async (principal: string, options: Reasoned & { readonly for?: string }, command: Command) => {
      const forMs = options.for === undefined ? {} : { forMs: duration(command, '--for', options.for) };
      const given = { ...saidHolder(principal, options), reason: options.reason, ...forMs };
      const asked = await ask<Holder & { until?: string }>(options, 'locks.add', given);
      if (!asked) return;
      const { answer, shown } = asked;
      const until = answer.until === undefined ? 'until it is released' : `until ${shown(answer.until)}`;
      print(options, answer, () => `${holderWords(answer)} is locked out ${until}\n`);
    });
  aboutHolder(toGuard(locks.command('release')))
    .description('let a principal in again, or a person behind one')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (principal: string, options: Reasoned) => {
      const given = { ...saidHolder(principal, options), reason: options.reason };
      const { answer } = (await ask<Holder & { was: string }>(options, 'locks.release', given)) ?? {};
      if (!answer) return;
      print(options, answer, () => `"${holderName(answer)}" is released; it was locked for: ${answer.was}\n`);
    });
}

function listed({ answer: { locks }, shown }: GuardAnswer<{ readonly locks: readonly ShownLock[] }>): string {
  if (locks.length === 0) return 'no one is locked out\n';
  const rows = locks.map(({ since, until, by, reason, ...holder }) => [
    holderName(holder),
    shown(since),
    until === undefined ? 'released' : shown(until),
    by,
    reason,
  ]);
  return table([['principal', 'since', 'until', 'by', 'reason'], ...rows]);
}
