/** The guards that the console shows: where each is asked and its log lies; and asking them. */
import type { Config } from '../config/config.ts';
import type { ConsoleGuard } from '../config/console.ts';
import { askGuard, NoGuard } from '../operations/control/client.ts';
import { ConsoleProblem } from './problem.ts';

/** `isOwn`: of the console's own configuration, by which commands find it. */
export type ShownGuard = ConsoleGuard & { readonly isOwn: boolean };

export function guardsOf({ name, control, log, console: { guards } }: Config): readonly ShownGuard[] {
  if (guards.length > 0) return guards.map((guard) => ({ ...guard, isOwn: false }));
  return [{ name, log: log.file, ...(control && { control: control.path }), isOwn: true }];
}

/** The answer of the guard's control socket. `person`: on whose behalf it is asked. Throws ConsoleProblem if the guard refuses or is gone. */
export async function askOf<T>(
  { control, name }: ShownGuard,
  command: string,
  given: Readonly<Record<string, unknown>>,
  person?: string,
): Promise<T> {
  if (control === undefined) throw new ConsoleProblem('guard-gone', `guard "${name}" has no control socket here`);
  try {
    const reply = await askGuard(control, {
      command,
      arguments: given,
      ...(person !== undefined && { behalf: person }),
    });
    if (reply.ok) return reply.result as T;
    const { kind, message, hint } = reply.error;
    throw new ConsoleProblem(kind === 'call' ? 'call' : kind === 'refused' ? 'refused' : 'failed', message, hint);
  } catch (error) {
    throw error instanceof NoGuard ? new ConsoleProblem('guard-gone', error.message) : error;
  }
}
