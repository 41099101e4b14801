/** `rowgate limits raises | text | approve`: larger limits that others must sign with their SSH keys. */
import type { Command } from 'commander';
import { RAISE_NAMESPACE } from '../metering/raise.ts';
import type { ShownRaise } from '../operations/control/commands/raises.ts';
import { ask, failed, type GuardOptions, print, printToSign, table, toGuard } from './ask-guard.ts';
import { type SigningOptions, signatureOf, withSigning } from './sign-request.ts';

/** The answer where a raise waits for signatures. */
export interface AskedRaise {
  readonly raise: ShownRaise;
}

/** Adds them to `rowgate limits`. */
export function registerRaises(limits: Command): void {
  toGuard(limits.command('raises')).description('all larger limits, and how far they are').action(list);
  toGuard(limits.command('text'))
    .description('what approvers of a larger limit sign')
    .argument('<id>')
    .action(async (id: string, options: GuardOptions) => {
      const found = await find(id, options);
      if (found) printToSign(options, found);
    });
  withSigning(toGuard(limits.command('approve')))
    .description('sign a larger limit with your SSH key')
    .argument('<id>')
    .action(approve);
}

async function list(options: GuardOptions): Promise<void> {
  const asked = await ask<{ raises: ShownRaise[] }>(options, 'limits.raises', {});
  if (!asked) return;
  const { answer, shown } = asked;
  const rows = answer.raises.map((raise) => [
    raise.id,
    raise.state,
    raise.of,
    raise.limit,
    shown(raise.until),
    raise.requestedBy,
    raise.approvedBy.join(', ') || '-',
    raise.reason,
  ]);
  const head = ['id', 'state', 'of', 'limit', 'until', 'by', 'approved by', 'reason'];
  print(options, answer, () => (rows.length === 0 ? 'no limit is raised\n' : table([head, ...rows])));
}

async function approve(id: string, options: GuardOptions & SigningOptions): Promise<void> {
  const found = await find(id, options);
  if (!found) return;
  const signature = signatureOf(found.text, RAISE_NAMESPACE, options);
  if (signature === undefined) return;
  const asked = await ask<AskedRaise>(options, 'limits.approve', { id, signature });
  if (!asked) return;
  const { answer, shown } = asked;
  const { of, limit, until, approvedBy, needed } = answer.raise;
  const still = needed > 0 ? `${needed} more must sign it` : `${of} has ${limit} until ${shown(until)}`;
  print(options, answer, () => `raise ${id} is signed by ${approvedBy.join(', ')}; ${still}\n`);
}

async function find(id: string, options: GuardOptions): Promise<(ShownRaise & { readonly text: string }) | undefined> {
  const asked = await ask<{ raises: ShownRaise[] }>(options, 'limits.raises', {});
  if (!asked) return undefined;
  const found = asked.answer.raises.find((raise) => raise.id === id);
  if (found?.text === undefined) return failed(1, `there is no raise "${id}" that is to be signed`);
  return { ...found, text: found.text };
}
