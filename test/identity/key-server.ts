/** A server of keys that a test controls. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface KeyServer {
  readonly address: string;
  /** The paths that were asked for. */
  readonly asked: string[];
  answer: string | ((response: ServerResponse) => void);
  /** Stops listening; the port is kept for the next start. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startKeyServer(answer: KeyServer['answer']): Promise<KeyServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (typeof running.answer === 'function') running.answer(response);
    else response.setHeader('content-type', 'application/json').end(running.answer);
  });
  const listen = (port: number): Promise<void> => new Promise((ready) => server.listen(port, '127.0.0.1', ready));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const running: KeyServer = {
    address: `http://127.0.0.1:${port}/jwks`,
    asked,
    answer,
    stop: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
    start: () => listen(port),
  };
  return running;
}
