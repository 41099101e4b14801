/** `rowgate reload`: makes a running guard read policies, certificates and configuration again, and prints the result. */
import type { Command } from 'commander';
import type { ReloadReport } from '../server/reload.ts';
import { ask, type GuardCommandOptions, print, toGuard } from './ask-guard.ts';

const HELP = `
Examples:
  rowgate reload
  rowgate reload --socket /run/rowgate/rowgate.sock --json

Exit code: 0 where all of it is in force, 1 where something has errors (the policy in force stays), 2 where no guard answers.`;

export function register(program: Command): void {
  toGuard(program.command('reload'))
    .description('have a running guard take up policies, certificates and log level, as SIGHUP does')
    .addHelpText('after', HELP)
    .action(async (options: GuardCommandOptions) => {
      const { answer } = (await ask<{ reports: ReloadReport[] }>(options, 'reload', {})) ?? {};
      if (!answer) return;
      print(options, answer, () => inWords(answer.reports));
      if (answer.reports.some(isIncomplete)) process.exitCode = 1;
    });
}

function isIncomplete({ policy, problems }: ReloadReport): boolean {
  return problems.length > 0 || policy.kind === 'unread' || policy.kind === 'kept' || errorsOf(policy).length > 0;
}

/** A line that several workers report is printed once. */
function inWords(reports: readonly ReloadReport[]): string {
  const lines = reports.flatMap((report) => [
    ...errorsOf(report.policy),
    ...(report.policy.kind === 'replaced' ? report.policy.withheld : []),
    ...(report.policy.kind === 'unread' ? [] : report.policy.warnings),
    ...report.problems,
    ...report.notes,
    outcome(report),
  ]);
  return [...new Set(lines)].map((line) => `${line}\n`).join('');
}

function errorsOf(policy: ReloadReport['policy']): readonly string[] {
  return policy.kind === 'kept' || policy.kind === 'replaced' ? policy.errors : [];
}

function outcome({ policy, inForce }: ReloadReport): string {
  switch (policy.kind) {
    case 'replaced':
      return `policy replaced: from ${policy.from ?? 'none'} to ${policy.to}`;
    case 'unchanged':
      return `policy unchanged: ${inForce ?? 'none'} is in force`;
    case 'kept':
      return `policy not replaced, it has errors: ${inForce ?? 'none'} stays in force`;
    case 'unread':
      return `policy not replaced, it could not be read: ${policy.message}`;
  }
}
