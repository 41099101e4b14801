/** `rowgate limits`: what a principal has taken of what it may, and a larger limit for a time. */
import type { Command } from 'commander';
import { holderName } from '../metering/owner.ts';
import { RAISE_NAMESPACE } from '../metering/raise.ts';
import type { ShownLimits } from '../operations/control/commands/limits.ts';
import type { ShownRaise } from '../operations/control/commands/raises.ts';
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
import { addRequestCommands, askedWords, type RequestKind } from './signed-requests.ts';

const HELP = `
Examples:
  rowgate limits show college_12_app
  rowgate limits show portal/7731
  rowgate limits raise college_12_app "5000 rows per hour" --for 2h --reason "report cards"
  rowgate limits raise college_12_app "40 MB per hour" --for 2h --reason "report cards"
  rowgate limits raise college_12_app "600 students per day" --for 1d --reason "moving to another school"
  rowgate limits raise portal/7731 "20 students per day" --for 1d --reason "heads the parents' council"

  rowgate limits raises
  rowgate limits approve 01KB… --key ~/.ssh/id_ed25519       where the role wants it signed ("raise: { approvals: 1 }")
  rowgate limits text 01KB… | ssh-keygen -Y sign -n rowgate-raise -f key > sig               elsewhere, and then:
  rowgate limits approve 01KB… --signature sig
  rowgate limits revoke 01KB… --reason "not this week"       refuses it, or ends it

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
    .description(
      'what a principal, or a person behind one, has taken of its limits in a running guard; raise one for a time',
    )
    .addHelpText('after', HELP);
  aboutHolder(toGuard(limits.command('show')))
    .description('each limit over time: how much of it is used now')
    .action(async (principal: string, options: GuardCommandOptions & OfUser) => {
      const asked = await ask<ShownLimits>(options, 'limits.show', { ...saidHolder(principal, options) });
      if (asked) print(options, asked.answer, () => inWords(asked));
    });
  aboutHolder(toGuard(limits.command('raise')))
    .description('let a principal, or a person behind one, have more for a time')
    .argument('<limit>', 'as "5000 rows per hour"')
    .requiredOption('--for <duration>', 'for how long, as 2h')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(
      async (
        principal: string,
        limit: string,
        options: GuardCommandOptions & OfUser & { readonly for: string; readonly reason: string },
        command: Command,
      ) => {
        const forMs = duration(command, '--for', options.for);
        const given = { ...saidHolder(principal, options), limit, forMs, reason: options.reason };
        const asked = await ask<Raised | AskedRaise>(options, 'limits.raise', given);
        if (asked) print(options, asked.answer, () => raisedInWords(asked));
      },
    );
  addRequestCommands(limits, RAISES);
  toGuard(limits.command('revoke'))
    .description('refuse a larger limit that was asked for, or end one before its time')
    .argument('<id>')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (id: string, options: GuardCommandOptions & { readonly reason: string }) => {
      const { answer } = (await ask<AskedRaise>(options, 'limits.revoke', { id, reason: options.reason })) ?? {};
      if (answer) print(options, answer, () => `raise ${id} is revoked\n`);
    });
}

function raisedInWords({ answer, shown }: GuardAnswer<Raised | AskedRaise>): string {
  if ('raise' in answer) return askedWords(answer.raise, 'limits');
  const { name, used, of, until } = answer;
  return `${name}: now ${of}, of which ${used} are used, until ${shown(until)}\n`;
}

const TOLD = ['people', 'questions', 'values'] as const;

function inWords({ answer, shown }: GuardAnswer<ShownLimits>): string {
  const { role, limits, statement, until, locked, ...holder } = answer;
  const told = limits.some(({ people, questions }) => people !== undefined || questions !== undefined);
  const rows = limits.map((limit) => [
    limit.name,
    String(limit.used),
    String(limit.of),
    ...(told ? TOLD.map((what) => String(limit[what] ?? '')) : []),
    limit.effect,
    limit.until === undefined ? limit.rule : `raised from ${limit.stated} until ${shown(limit.until)}`,
  ]);
  const head = ['limit', 'used', 'of', ...(told ? TOLD : []), 'effect', 'by'];
  const lockedUntil = locked?.until === undefined ? 'until it is released' : `until ${shown(locked.until)}`;
  return [
    `${holderName(holder)}, role ${role}\n`,
    locked ? `locked out ${lockedUntil}: ${locked.reason}\n` : '',
    rows.length === 0 ? 'no limits over time\n' : table([head, ...rows]),
    ...Object.entries(statement).map(([name, amount]) => `${name}: ${amount}\n`),
    until === undefined ? '' : `other limits may hold from ${shown(until)} on\n`,
  ].join('');
}

/** The answer where a raise waits for signatures. */
interface AskedRaise {
  readonly raise: ShownRaise;
}

const RAISES: RequestKind<ShownRaise, AskedRaise> = {
  noun: 'raise',
  namespace: RAISE_NAMESPACE,
  commands: { list: 'limits.raises', approve: 'limits.approve' },
  field: 'raises',
  about: {
    list: 'all larger limits, and how far they are',
    text: 'what approvers of a larger limit sign',
    approve: 'sign a larger limit with your SSH key',
  },
  listedBy: 'raises',
  none: 'no limit is raised\n',
  columns: {
    id: ({ id }) => id,
    state: ({ state }) => state,
    of: ({ of }) => of,
    limit: ({ limit }) => limit,
    until: ({ until }, shown) => shown(until),
    by: ({ requestedBy }) => requestedBy,
    'approved by': ({ approvedBy }) => approvedBy.join(', ') || '-',
    reason: ({ reason }) => reason,
  },
  approved({ raise: { id, of, limit, until, approvedBy, needed } }, shown) {
    const still = needed > 0 ? `${needed} more must sign it` : `${of} has ${limit} until ${shown(until)}`;
    return `raise ${id} is signed by ${approvedBy.join(', ')}; ${still}\n`;
  },
};
