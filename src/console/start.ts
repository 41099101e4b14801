/** The console as it runs: a listener, sessions in memory, the logs that it follows. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer as createPlain } from 'node:http';
import { createServer as createSecure, type Server as SecureServer } from 'node:https';
import { getRequestListener } from '@hono/node-server';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { consoleApp } from './app.ts';
import { Ground } from './ground.ts';
import { keepIndexed } from './keep-indexed.ts';
import { LoginLinks } from './login.ts';
import { OidcLogin } from './login-oidc.ts';
import { OwnCommand } from './own-command.ts';
import { originOf } from './protect.ts';
import { type Person, PersonSessions } from './sessions.ts';
import { StaticFiles, WEB_FOLDER } from './static-files.ts';

export interface ConsoleOptions {
  readonly config: Config;
  /** What starts `rowgate`, as `node dist/cli/main.js`. */
  readonly program: readonly [string, ...string[]];
  readonly log: Logger;
  /** Of the built browser half. */
  readonly web?: string;
}

export interface RunningConsole {
  readonly url: string;
  /** An address that logs that person in, once and soon; undefined if people log in by an issuer. */
  link(person: Person): string | undefined;
  /** Reads the certificate again. Throws if it is not valid; the one in use stays. */
  reload(): void;
  stop(): Promise<void>;
}

const HEADER_BYTES = 16 * 1024;
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const CONNECTIONS = 500;
const SWEEP_MS = 10_000;

/** Throws where the address is taken, or the certificate cannot be read. */
export async function startConsole({ config, program, log, web }: ConsoleOptions): Promise<RunningConsole> {
  const { console: settings } = config;
  const limits = { maxHeaderSize: HEADER_BYTES, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS };
  const certificate = () =>
    settings.tls && { cert: readFileSync(settings.tls.cert), key: readFileSync(settings.tls.key) };
  const server: Server | SecureServer = settings.tls
    ? createSecure({ ...limits, ...certificate(), minVersion: 'TLSv1.2' })
    : createPlain(limits);
  server.maxConnections = CONNECTIONS;
  const { host, port } = settings.listen;
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(host === '*' ? { port } : { host, port }, done);
  });
  const address = server.address();
  const origin = originOf(settings, typeof address === 'object' && address ? address.port : port);
  const command = new OwnCommand(program);
  const ground = new Ground(config, command);
  const sessions = new PersonSessions(settings.idleMs, settings.sessionMs);
  const links = settings.oidc ? undefined : new LoginLinks();
  const app = consoleApp({
    ...{ ground, origin, sessions, log, sessionMs: settings.sessionMs },
    files: new StaticFiles(web ?? WEB_FOLDER),
    ...(links && { links }),
    ...(settings.oidc && { oidc: new OidcLogin(settings.oidc, `${origin.url}/login/callback`) }),
  });
  server.on('request', getRequestListener(app.fetch));
  server.on('error', (error) => log.error({ err: error }, 'console listener failed'));
  const ending = new AbortController();
  void ground.tail.follow(ending.signal).catch((error) => log.error({ err: error }, 'the logs are not followed'));
  void keepIndexed(ground, log, ending.signal);
  command.startAhead(() => ground.logWords());
  const sweep = setInterval(() => sessions.sweep(), SWEEP_MS);
  return {
    url: origin.url,
    link: (person) => links && `${origin.url}/login?secret=${links.make(person)}`,
    reload() {
      if (settings.tls) (server as SecureServer).setSecureContext({ ...certificate(), minVersion: 'TLSv1.2' });
    },
    async stop() {
      ending.abort();
      clearInterval(sweep);
      command.stop();
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}
