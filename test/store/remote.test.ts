/** What workers ask of their primary: two of them, with one store, over messages that take their time. */
import { expect, it } from 'vitest';
import { StoreUnavailable } from '../../src/meter/budget-store.ts';
import { standingState } from '../../src/meter/standing.ts';
import { memoryStore } from '../../src/store/memory.ts';
import { Channel, type Handlers } from '../../src/workers/channel.ts';
import type { ToPrimary, ToWorker } from '../../src/workers/messages.ts';
import { type RemoteStore, remoteStore } from '../../src/workers/remote-store.ts';
import { storeHandlers } from '../../src/workers/store-handlers.ts';
import { contract, newOwner } from './contract.ts';

let now = Date.now();
const store = memoryStore({ timeZone: 'Europe/Paris', now: () => now });

function worker(): { store: RemoteStore; end(): void } {
  // As Node passes them: as JSON, later, in order.
  const pass = (to: () => { receive(message: unknown): void }) => (packet: object) => {
    const text = JSON.stringify(packet);
    setImmediate(() => to().receive(JSON.parse(text)));
  };
  const primary: Channel<ToWorker, ToPrimary> = new Channel<ToWorker, ToPrimary>(
    pass(() => channel),
    storeHandlers(store) as Handlers<ToPrimary>,
  );
  const heard = (standing: ToWorker['standing']['says']): null => {
    remote.heard(standing);
    return null;
  };
  const channel = new Channel<ToPrimary, ToWorker>(
    pass(() => primary),
    { standing: heard } as Handlers<ToWorker>,
  );
  const remote = remoteStore(channel, standingState(store.standing()));
  store.onStanding(() => primary.tell('standing', standingState(store.standing())));
  return { store: remote, end: () => channel.close() };
}

const first = worker();
const second = worker();
contract('remote', () => ({
  store: first.store,
  other: second.store,
  pass: (ms) => {
    now += ms;
  },
}));

it('what a worker was granted stays counted when it dies, and one whose primary is gone is granted nothing', async () => {
  const dying = worker();
  const owner = newOwner();
  const claim = {
    owner,
    measure: 'rows' as const,
    ceilings: [{ window: { count: 1, unit: 'hour' as const }, limit: 10 }],
    want: 6,
  };
  expect(await dying.store.take([claim])).toMatchObject([{ granted: 6 }]);
  dying.end();
  expect(await first.store.take([claim])).toMatchObject([{ granted: 4 }]);
  await expect(dying.store.take([claim])).rejects.toThrow(StoreUnavailable);
  await expect(dying.store.known(owner, 'rows', [], [])).rejects.toThrow(StoreUnavailable);
  await dying.store.close();
});
