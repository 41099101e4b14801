/** Takes all that is left of a budget: first of people, then of rows and of statements, by rows about no person. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Pagers } from './pagers.ts';
import { PUPILS, SCALE } from './scale.ts';

const CLIENTS = 4;
/** By then the other guards have given their leases back. */
const RETURNED_MS = 1_300;
/** The number of times, in full. */
const TRIES = SCALE.full ? 3 : 1;

/** Takes the rest of the budget, over that many guards. */
export async function takeTheRest(pagers: Pagers, guards: number): Promise<void> {
  const size = SCALE.full ? 100 : 20;
  let next = Math.floor(PUPILS / 2);
  await untilRefused(pagers, guards, (client, guard) => {
    next += size;
    return pagers.page(client, guard, next - size, size);
  });
  await untilRefused(pagers, guards, (client, guard) => pagers.rooms(client, guard, size));
  await untilRefused(pagers, guards, (client, guard) => pagers.nothing(client, guard));
}

type Ask = (client: pg.Client, guard: number) => Promise<string | undefined>;

async function untilRefused(pagers: Pagers, guards: number, ask: Ask): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (tries > 0) await sleep(RETURNED_MS);
    await Promise.all(
      Array.from({ length: CLIENTS }, async (_, i) => {
        const guard = i % guards;
        const client = await pagers.connect(guard);
        if (!client) throw new Error('no login was accepted');
        for (let why: string | undefined; why === undefined; ) why = await ask(client, guard);
        await client.end();
      }),
    );
  }
}
