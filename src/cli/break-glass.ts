/** `rowgate break-glass`: a principal that is closed by its policy, opened for a time by those who sign it with their SSH keys. */
import type { Command } from 'commander';
import { BREAK_GLASS_NAMESPACE } from '../metering/break-glass.ts';
import type { ShownOpening } from '../operations/control/commands/break-glass.ts';
import {
  ask,
  duration,
  EXIT_CODES,
  failed,
  type GuardOptions,
  print,
  printToSign,
  table,
  toGuard,
} from './ask-guard.ts';
import { type SigningOptions, signatureOf, withSigning } from './sign-request.ts';

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

interface AskOptions extends GuardOptions {
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
    .option('--by <name>', 'who will work with it; without it, who asks')
    .action(request);
  toGuard(breakGlass.command('list')).description('all openings, and how far they are').action(list);
  toGuard(breakGlass.command('text'))
    .description('what approvers of an opening sign')
    .argument('<id>')
    .action(async (id: string, options: GuardOptions) => {
      const found = await find(id, options);
      if (found) printToSign(options, found);
    });
  withSigning(toGuard(breakGlass.command('approve')))
    .description('sign an opening with your SSH key')
    .argument('<id>')
    .action(approve);
  toGuard(breakGlass.command('close'))
    .description('end an opening, or a request for one, before its time; sessions end')
    .argument('<id>')
    .option('--reason <text>', 'why; it is recorded')
    .action(async (id: string, options: GuardOptions & { readonly reason?: string }) => {
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
  const { id, text, needed } = answer.opening;
  const who = needed === 1 ? '1 approver signs it' : `${needed} approvers sign it`;
  print(options, answer, () => `${text}\n${who}: rowgate break-glass approve ${id}\n`);
}

async function list(options: GuardOptions): Promise<void> {
  const asked = await ask<{ openings: ShownOpening[] }>(options, 'break-glass.list', {});
  if (!asked) return;
  const { answer, shown } = asked;
  const rows = answer.openings.map((opening) => [
    opening.id,
    opening.state,
    opening.principal,
    opening.usedBy,
    shown(opening.requestedAt),
    shown(opening.until),
    opening.requestedBy,
    opening.approvedBy.join(', ') || '-',
    opening.reason,
  ]);
  const head = ['id', 'state', 'principal', 'for', 'asked at', 'until', 'asked for by', 'approved by', 'reason'];
  print(options, answer, () => (rows.length === 0 ? 'there are no openings\n' : table([head, ...rows])));
}

async function approve(id: string, options: GuardOptions & SigningOptions): Promise<void> {
  const found = await find(id, options);
  if (!found) return;
  const signature = signatureOf(found.text, BREAK_GLASS_NAMESPACE, options);
  if (signature === undefined) return;
  const asked = await ask<Changed>(options, 'break-glass.approve', { id, signature });
  if (!asked) return;
  const { answer, shown } = asked;
  const { approvedBy, needed, principal, until } = answer.opening;
  const still = needed > 0 ? `${needed} more must sign it` : `principal "${principal}" is open until ${shown(until)}`;
  print(options, answer, () => `opening ${id} is signed by ${approvedBy.join(', ')}; ${still}\n`);
}

async function find(id: string, options: GuardOptions): Promise<ShownOpening | undefined> {
  const { answer } = (await ask<{ openings: ShownOpening[] }>(options, 'break-glass.list', {})) ?? {};
  if (!answer) return undefined;
  return answer.openings.find((opening) => opening.id === id) ?? failed(1, `there is no opening "${id}"`);
}
