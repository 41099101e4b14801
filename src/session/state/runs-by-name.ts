/** What SQL text may run by its name (EXECUTE, FETCH, MOVE), of what the protocol has made. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Portal, Prepared } from './prepared.ts';

/**
 * EXECUTE. PREPARE takes nothing but queries. By Parse anything gets a name, and with EXECUTE of that, what the server did to transactions
 * and names would be hidden from us; so would parameters of the guard's own.
 */
export function canExecute({ statement, rendered }: Prepared): boolean {
  const kind = statement?.kind.kind;
  return (kind === 'read' || kind === 'write') && rendered.added.length === 0;
}

export function notByExecute(name: string): Refusal {
  return refusal('unsupported', '0A000', `EXECUTE of prepared statement "${name}" is not supported`, {
    hint: 'It was prepared by the protocol, and is to be run by it.',
  });
}

/**
 * FETCH and MOVE. They run a portal of Bind as Execute would, but none of what Execute looks up and watches: the names in an EXECUTE, the
 * guard's own parameters behind them, what a write must not have kept. So only a plain read is fetched from.
 */
export function canFetch({ madeBy, statement }: Portal): boolean {
  return madeBy === 'declare' || statement?.kind.kind === 'read';
}

export function notByFetch(name: string): Refusal {
  return refusal('unsupported', '0A000', `FETCH from portal "${name}" is not supported: it is no query`, {
    hint: 'It was made by the protocol, and is to be run by it.',
  });
}
