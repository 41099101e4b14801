/** `rowgate permit`: an export beyond the limits, asked for by one and approved by two others with their SSH keys. */
import type { Command } from 'commander';
import { readTime } from '../decision-log/read/times.ts';
import { PERMIT_NAMESPACE } from '../metering/permit.ts';
import type { ShownPermit } from '../operations/control/commands/permits.ts';
import { ask, duration, EXIT_CODES, type GuardCommandOptions, print, toGuard } from './ask-guard.ts';
import { several } from './log-source.ts';
import { addRequestCommands, type RequestKind } from './signed-requests.ts';

const HELP = `
Examples:
  rowgate permit request statistics_app --table students --table grades --rows 200000 --for 4h --reason "yearly report"
  rowgate permit list
  rowgate permit approve 01KB… --key ~/.ssh/id_ed25519        twice, by two approvers
  rowgate permit text 01KB… | ssh-keygen -Y sign -n rowgate-permit -f key > sig      elsewhere, and then:
  rowgate permit approve 01KB… --signature sig
  rowgate permit revoke 01KB… --reason "done"

Who may approve stands in approvers.yaml, in the policies folder.
${EXIT_CODES}`;

interface Changed {
  readonly permit: ShownPermit;
  readonly needed: number;
}

const PERMITS: RequestKind<ShownPermit, Changed> = {
  noun: 'permit',
  namespace: PERMIT_NAMESPACE,
  commands: { list: 'permit.list', approve: 'permit.approve' },
  field: 'permits',
  about: {
    list: 'all permits, and how far they are',
    text: 'what approvers of a permit sign',
    approve: 'sign a permit with your SSH key',
  },
  none: 'there are no permits\n',
  columns: {
    id: ({ id }) => id,
    state: ({ state }) => state,
    principal: ({ principal }) => principal,
    tables: ({ tables }) => tables.join(', '),
    rows: ({ used, rows }) => `${used} of ${rows}`,
    from: ({ from }, shown) => shown(from),
    until: ({ until }, shown) => shown(until),
    'asked for by': ({ requestedBy }) => requestedBy,
    'approved by': ({ approvedBy }) => approvedBy.join(', ') || '-',
    reason: ({ reason }) => reason,
  },
  approved({ permit: { id, approvedBy, state }, needed }) {
    const still = needed > 0 ? `${needed} more must approve it` : `it is ${state}`;
    return `permit ${id} is approved by ${approvedBy.join(', ')}; ${still}\n`;
  },
};

interface RequestOptions extends GuardCommandOptions {
  readonly table: readonly string[];
  readonly rows: string;
  readonly from?: string;
  readonly for: string;
  readonly reason: string;
}

export function register(program: Command): void {
  const permit = program
    .command('permit')
    .description('exports beyond the limits: request, approve, list, revoke')
    .addHelpText('after', HELP);
  toGuard(permit.command('request'))
    .description('ask for an export; two approvers must sign it')
    .argument('<principal>', 'whose export it is')
    .requiredOption('--table <name>', 'a table that it reads; may be repeated', several)
    .requiredOption('--rows <n>', 'the most rows')
    .requiredOption('--for <duration>', 'for how long, as 4h; 31 days at most')
    .option('--from <time>', 'from when on, as 2026-12-01T20:00 in the time zone of the guard; without it, from now')
    .requiredOption('--reason <text>', 'why; approvers read it, and it is recorded')
    .action(request);
  addRequestCommands(permit, PERMITS);
  toGuard(permit.command('revoke'))
    .description('end a permit before its time')
    .argument('<id>')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (id: string, options: GuardCommandOptions & { readonly reason: string }) => {
      const { answer } = (await ask<Changed>(options, 'permit.revoke', { id, reason: options.reason })) ?? {};
      if (answer) print(options, answer, () => `permit ${id} is revoked\n`);
    });
}

async function request(principal: string, options: RequestOptions, command: Command): Promise<void> {
  const rows = Number(options.rows);
  if (!/^[0-9]+$/.test(options.rows)) command.error('error: --rows: expected a whole number', { exitCode: 2 });
  const { from } = options;
  if (from !== undefined && startIn(from, 'UTC') === undefined)
    command.error('error: --from: expected a time, as 2026-12-01T20:00', { exitCode: 2 });
  // The guard says when that is: its state has the clock that counts.
  const forMs = duration(command, '--for', options.for);
  const given = { principal, tables: options.table, rows, forMs, reason: options.reason };
  const { answer } =
    (await ask<Changed>(options, 'permit.request', (timeZone) => ({
      ...given,
      ...(from !== undefined && { from: startIn(from, timeZone) }),
    }))) ?? {};
  if (!answer) return;
  const { id, text } = answer.permit;
  print(options, answer, () => `${text}\nTwo approvers sign it: rowgate permit approve ${id}\n`);
}

/** The time at which clocks in that zone show the text; undefined if it is not a time, or depends on the current time. */
function startIn(text: string, timeZone: string): number | undefined {
  const reading = /^[0-9]{4}-/.test(text) ? readTime(text, { now: 0, timeZone }) : undefined;
  return reading && 'value' in reading ? reading.value : undefined;
}
