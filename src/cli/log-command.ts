/** `rowgate log`: its commands are registered file by file. */
import type { Command } from 'commander';

export function logCommand(program: Command): Command {
  const known = program.commands.find((command) => command.name() === 'log');
  return known ?? program.command('log').description('what the decision log tells');
}
