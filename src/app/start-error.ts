/** What goes wrong while a guard starts, in words for the operator. */
import { ListenFailure } from '../server/listener.ts';

/** Why a guard does not start, for the operator: one line each. */
export class StartError extends Error {
  constructor(readonly lines: readonly string[]) {
    super(lines.join('\n'));
  }
}

/** Any other error becomes a StartError: `what`, and why. */
export async function orStartError<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StartError) throw error;
    if (error instanceof ListenFailure) throw new StartError([`${error.message}: ${reasonOf(error.cause)}`]);
    throw new StartError([`${what}: ${reasonOf(error)}`]);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'EADDRINUSE') return 'the port is in use';
  if ('code' in error && error.code === 'EACCES' && 'port' in error) return 'permission denied for this port';
  return error.message || error.name;
}
