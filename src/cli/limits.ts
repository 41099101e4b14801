/** `rowgate limits`: what a principal has taken of what it may, and a larger limit for a time. */
import type { Command } from 'commander';
import type { ShownLimits } from '../control/commands/limits.ts';
import { ask, duration, EXIT_CODES, type GuardOptions, print, shownTime, table, toGuard } from './ask-guard.ts';

const HELP = `
Examples:
  rowgate limits show college_12_app
  rowgate limits raise college_12_app "5000 rows per hour" --for 2h --reason "report cards"
  rowgate limits raise college_12_app "40 MB per hour" --for 2h --reason "report cards"
  rowgate limits raise college_12_app "600 students per day" --for 1d --reason "moving to another school"

A raise takes the place of each limit of that kind and window that is smaller, and ends by itself; 31 days at most.
${EXIT_CODES}`;

interface Raised {
  readonly name: string;
  readonly used: number;
  readonly of: number;
  readonly until: string;
}

export function register(program: Command): void {
  const limits = program
    .command('limits')
    .description('what a principal has taken of its limits in a running guard; raise one for a time')
    .addHelpText('after', HELP);
  toGuard(limits.command('show'))
    .description('each limit over time: how much of it is used now')
    .argument('<principal>')
    .action(async (principal: string, options: GuardOptions) => {
      const answer = await ask<ShownLimits>(options, 'limits.show', { principal });
      if (answer) print(options, answer, () => inWords(answer));
    });
  toGuard(limits.command('raise'))
    .description('let a principal have more for a time')
    .argument('<principal>')
    .argument('<limit>', 'as "5000 rows per hour"')
    .requiredOption('--for <duration>', 'for how long, as 2h')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(
      async (
        principal: string,
        limit: string,
        options: GuardOptions & { readonly for: string; readonly reason: string },
        command: Command,
      ) => {
        const given = { principal, limit, forMs: duration(command, '--for', options.for), reason: options.reason };
        const answer = await ask<Raised>(options, 'limits.raise', given);
        if (!answer) return;
        const { name, used, of, until } = answer;
        print(options, answer, () => `${name}: now ${of}, of which ${used} are used, until ${shownTime(until)}\n`);
      },
    );
}

function inWords({ principal, role, limits, statement, until, locked }: ShownLimits): string {
  const rows = limits.map((limit) => [
    limit.name,
    String(limit.used),
    String(limit.of),
    limit.effect,
    limit.until === undefined ? limit.rule : `raised from ${limit.stated} until ${shownTime(limit.until)}`,
  ]);
  const lockedUntil = locked?.until === undefined ? 'until it is released' : `until ${shownTime(locked.until)}`;
  return [
    `${principal}, role ${role}\n`,
    locked ? `locked out ${lockedUntil}: ${locked.reason}\n` : '',
    rows.length === 0 ? 'no limits over time\n' : table([['limit', 'used', 'of', 'effect', 'by'], ...rows]),
    ...Object.entries(statement).map(([name, amount]) => `${name}: ${amount}\n`),
    until === undefined ? '' : `other limits may hold from ${shownTime(until)} on\n`,
  ].join('');
}
