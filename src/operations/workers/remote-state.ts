/** The shared state as a worker has it: every question goes to the primary. */
import { Buffer } from 'node:buffer';
import type { SharedState } from '../../server/slots/shared-state.ts';
import type { Channel } from './channel.ts';
import type { ToPrimary, ToWorker } from './messages.ts';

export function remoteState(primary: Channel<ToPrimary, ToWorker>): SharedState {
  return {
    take: async (claims) => (await primary.ask('take', claims)) ?? undefined,
    give: (keys) => primary.tell('give', keys),
    attempted: (principal, address, accepted) => primary.ask('attempted', { principal, address, accepted }),
    cancel: async ({ processId, secretKey }) => {
      await primary.ask('cancel', { processId, secretKey: Buffer.from(secretKey).toString('base64') });
    },
  };
}
