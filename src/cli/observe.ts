/** `rowgate observe`: a role that is only observed for a time, when others have signed it with their SSH keys. */
import type { Command } from 'commander';
import { OBSERVE_NAMESPACE } from '../metering/observation.ts';
import type { ShownObservation } from '../operations/control/commands/observations.ts';
import { ask, duration, EXIT_CODES, type GuardCommandOptions, print, toGuard } from './ask-guard.ts';
import { addRequestCommands, askedWords, type RequestKind } from './signed-requests.ts';

const HELP = `
Examples:
  rowgate observe canteen --for 30m --reason "the new release fails, and the cause is not known"
  rowgate observe list
  rowgate observe approve 01KB… --key ~/.ssh/id_ed25519           one other than who asked, or as many as its "raise" says
  rowgate observe text 01KB… | ssh-keygen -Y sign -n ${OBSERVE_NAMESPACE} -f key > sig        elsewhere, and then:
  rowgate observe approve 01KB… --signature sig
  rowgate observe end 01KB…
  rowgate log report observed --role canteen                      what would have been refused

While it is in force, every statement of the role is forwarded unchanged and recorded; principals with "mode: enforce" of their own are held
to the policy all the same. It ends by itself; 31 days at most. A role that is called as a word above: rowgate observe start list --for …
${EXIT_CODES}`;

interface Changed {
  readonly observation: ShownObservation;
}

const OBSERVATIONS: RequestKind<ShownObservation, Changed> = {
  noun: 'observation',
  namespace: OBSERVE_NAMESPACE,
  commands: { list: 'observe.list', approve: 'observe.approve' },
  field: 'observations',
  about: {
    list: 'all requests, and how far they are',
    text: 'what approvers sign',
    approve: 'sign a request with your SSH key',
  },
  none: 'no role is observed for a time\n',
  columns: {
    id: ({ id }) => id,
    state: ({ state }) => state,
    role: ({ role }) => role,
    'asked at': ({ requestedAt }, shown) => shown(requestedAt),
    until: ({ until }, shown) => shown(until),
    'asked for by': ({ requestedBy }) => requestedBy,
    'approved by': ({ approvedBy }) => approvedBy.join(', ') || '-',
    reason: ({ reason }) => reason,
  },
  approved({ observation: { id, approvedBy, needed, role, until } }, shown) {
    const still = needed > 0 ? `${needed} more must sign it` : `role "${role}" is only observed until ${shown(until)}`;
    return `request ${id} is signed by ${approvedBy.join(', ')}; ${still}\n`;
  },
};

export function register(program: Command): void {
  const observe = program
    .command('observe')
    .description('only observe a role for a time: ask, approve, list, end')
    .usage('ROLE --for <duration> --reason <text>')
    .addHelpText('after', HELP);
  toGuard(observe.command('start', { isDefault: true }))
    .description('ask for it; approvers must sign it')
    .argument('<role>')
    .requiredOption('--for <duration>', 'from now on, as 30m')
    .requiredOption('--reason <text>', 'why; approvers read it, and it is recorded')
    .action(request);
  addRequestCommands(observe, OBSERVATIONS);
  toGuard(observe.command('end'))
    .description('hold the role to its policy again, before the time is over')
    .argument('<id>')
    .option('--reason <text>', 'why; it is recorded')
    .action(async (id: string, options: GuardCommandOptions & { readonly reason?: string }) => {
      const reason = options.reason === undefined ? {} : { reason: options.reason };
      const { answer } = (await ask<Changed>(options, 'observe.end', { id, ...reason })) ?? {};
      if (answer) print(options, answer, () => `role "${answer.observation.role}" is held to its policy\n`);
    });
}

async function request(
  role: string,
  options: GuardCommandOptions & { readonly for: string; readonly reason: string },
  command: Command,
): Promise<void> {
  const given = { role, forMs: duration(command, '--for', options.for), reason: options.reason };
  const { answer } = (await ask<Changed>(options, 'observe.ask', given)) ?? {};
  if (!answer) return;
  print(options, answer, () => askedWords(answer.observation, 'observe'));
}
