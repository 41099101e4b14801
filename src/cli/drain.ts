/** `rowgate drain`: a running guard takes no more connections, and ends when its sessions have come to an idle moment. */
import type { Command } from 'commander';
import { ask, EXIT_CODES, type GuardCommandOptions, print, toGuard } from './ask-guard.ts';

const HELP = `
It does what SIGTERM does, and is recorded with your name. It answers when the guard has begun, not when it has ended.

${EXIT_CODES}`;

export function register(program: Command): void {
  toGuard(program.command('drain'))
    .description('have a running guard end, as its sessions come to an idle moment')
    .addHelpText('after', HELP)
    .action(async (options: GuardCommandOptions) => {
      const { answer } = (await ask(options, 'drain', {})) ?? {};
      if (answer) print(options, answer, () => 'the guard drains\n');
    });
}
