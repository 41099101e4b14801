/** `rowgate break-glass`: a principal that is closed by its policy, opened for a time by those who sign it with their SSH keys. */
import type { Command } from 'commander';
import { BREAK_GLASS_NAMESPACE } from '../metering/break-glass.ts';
import type { ShownOpening } from '../operations/control/commands/break-glass.ts';
import { ask, duration, EXIT_CODES, type GuardCommandOptions, print, toGuard } from './ask-guard.ts';
import { addRequestCommands, askedWords, type RequestKind } from './signed-requests.ts';

const HELP = `
Examples:
  rowgate break-glass ask night_dba --for 2h --by ines --reason "ticket 4711: the index is broken"
  rowgate break-glass list
  rowgate break-glass approve 01KB… --key ~/.ssh/id_ed25519       by as many approvers as its policy says
  rowgate break-glass text 01KB… | ssh-keygen -Y sign -n ${BREAK_GLASS_NAMESPACE} -f key > sig      elsewhere, and then:
  rowgate break-glass approve 01KB… --signature sig
  rowgate break-glass close 01KB…
  rowgate log report break-glass --id 01KB…                       what was done in that time

Which principals are closed says "break_glass" in principals.yaml, who may approve stands in approvers.yaml.
${EXIT_CODES}`;

interface Changed {
  readonly opening: ShownOpening;
}

const OPENINGS: RequestKind<ShownOpening, Changed> = {
  noun: 'opening',
  namespace: BREAK_GLASS_NAMESPACE,
  commands: { list: 'break-glass.list', approve: 'break-glass.approve' },
  field: 'openings',
  about: {
    list: 'all openings, and how far they are',
    text: 'what approvers of an opening sign',
    approve: 'sign an opening with your SSH key',
  },
  none: 'there are no openings\n',
  columns: {
    id: ({ id }) => id,
    state: ({ state }) => state,
    principal: ({ principal }) => principal,
    for: ({ usedBy }) => usedBy,
    'asked at': ({ requestedAt }, shown) => shown(requestedAt),
    until: ({ until }, shown) => shown(until),
    'asked for by': ({ requestedBy }) => requestedBy,
    'approved by': ({ approvedBy }) => approvedBy.join(', ') || '-',
    reason: ({ reason }) => reason,
  },
  approved({ opening: { id, approvedBy, needed, principal, until } }, shown) {
    const still = needed > 0 ? `${needed} more must sign it` : `principal "${principal}" is open until ${shown(until)}`;
    return `opening ${id} is signed by ${approvedBy.join(', ')}; ${still}\n`;
  },
};

interface AskOptions extends GuardCommandOptions {
  readonly for: string;
  readonly reason: string;
  readonly by?: string;
}

export function register(program: Command): void {
  const breakGlass = program
    .command('break-glass')
    .description('open a closed principal for a time: ask, approve, list, close')
    .addHelpText('after', HELP);
  toGuard(breakGlass.command('ask'))
    .description('ask for an opening; approvers must sign it')
    .argument('<principal>', 'which is closed')
    .requiredOption('--for <duration>', 'from now on, as 2h; no longer than its policy says')
    .requiredOption('--reason <text>', 'why; approvers read it, and it is recorded')
    .option('--by <name>', 'who will work with it; without it, the person who asks')
    .action(request);
  addRequestCommands(breakGlass, OPENINGS);
  toGuard(breakGlass.command('close'))
    .description('end an opening, or a request for one, before its time; sessions end')
    .argument('<id>')
    .option('--reason <text>', 'why; it is recorded')
    .action(async (id: string, options: GuardCommandOptions & { readonly reason?: string }) => {
      const reason = options.reason === undefined ? {} : { reason: options.reason };
      const { answer } = (await ask<Changed>(options, 'break-glass.close', { id, ...reason })) ?? {};
      if (answer) print(options, answer, () => `principal "${answer.opening.principal}" is closed\n`);
    });
}

async function request(principal: string, options: AskOptions, command: Command): Promise<void> {
  const forMs = duration(command, '--for', options.for);
  const usedBy = options.by === undefined ? {} : { usedBy: options.by };
  const given = { principal, forMs, reason: options.reason, ...usedBy };
  const { answer } = (await ask<Changed>(options, 'break-glass.ask', given)) ?? {};
  if (!answer) return;
  print(options, answer, () => askedWords(answer.opening, 'break-glass'));
}
