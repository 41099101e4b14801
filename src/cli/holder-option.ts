/** Options by which a command names a principal, or one of its end users. */
import type { Command } from 'commander';

export interface OfUser {
  readonly user?: string;
}

/** Its first argument and an option. */
export function aboutHolder(command: Command): Command {
  return command
    .argument('<principal>', 'or a person behind one, as portal/7731')
    .option('--user <name>', 'the person behind it, where the name of the principal holds a / itself');
}

/** As the guard is asked. */
export function saidHolder(principal: string, { user }: OfUser): { readonly principal: string } & OfUser {
  return { principal, ...(user !== undefined && { user }) };
}
