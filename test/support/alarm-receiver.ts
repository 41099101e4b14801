/** Takes alarms as a webhook does, and keeps them in their order. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export type Alarm = Readonly<Record<string, unknown>>;

export interface AlarmReceiver {
  readonly url: string;
  readonly alarms: readonly Alarm[];
  stop(): void;
}

export async function receiveAlarms(): Promise<AlarmReceiver> {
  const alarms: Alarm[] = [];
  const server = createServer(async (request, response) => {
    alarms.push((await json(request)) as Alarm);
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    alarms,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
