/** The admin address: serves only /healthz, /readyz and /metrics over HTTP, for a supervisor, a load balancer and Prometheus. */
import { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import { CONTENT_TYPE } from './exposition.ts';

export interface Readiness {
  /** Why a load balancer should send clients elsewhere, in one line; null if the guard is ready. */
  readonly notReady: string | null;
  /** Parts of the policy in force that are withheld because they do not fit the database: a line each. The guard is ready all the same. */
  readonly withheld: readonly string[];
}

/** Where the answers come from. */
export interface AdminSources {
  readiness(): Readiness | Promise<Readiness>;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
}

export interface RunningAdmin {
  readonly address: AddressInfo;
  stop(): Promise<void>;
}

export interface AdminAddress {
  /** `*`: every address. */
  readonly host: string;
  readonly port: number;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
  readonly allow?: string;
}

/** Clients are machines nearby with small requests. */
const REQUEST_MS = 5_000;
const HEADER_BYTES = 4_096;
const CONNECTIONS = 64;

/** Throws EADDRINUSE and other errors of listening. */
export async function startAdmin(
  { host, port }: AdminAddress,
  sources: AdminSources,
  log: Logger,
): Promise<RunningAdmin> {
  const asked: AdminSources = { readiness: () => sources.readiness(), metrics: onePerTime(() => sources.metrics()) };
  const server = createServer(
    {
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: REQUEST_MS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: HEADER_BYTES,
    },
    (request, response) => {
      answerTo(request, asked)
        .catch((error: unknown): Answer => {
          log.error({ err: error }, 'internal error at the admin address');
          return { status: 500, body: 'internal error' };
        })
        .then((answer) => send(request, response, answer));
    },
  );
  if (!isLoopback(host)) {
    log.warn(
      `admin listens beyond this host: every client that reaches port ${port} can read the metrics, with role names and volumes`,
    );
  }
  // A client that does not read its answer must not hold a connection for ever.
  server.timeout = REQUEST_MS;
  keepRoom(server);
  server.on('clientError', (_error, socket) => socket.destroy());
  await listening(server, host, port);
  server.on('error', (error) => log.error({ err: error }, 'admin listener failed'));
  return {
    address: server.address() as AddressInfo,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** At the limit a new connection replaces an earlier one, so that idle clients cannot make the answers unavailable. */
function keepRoom(server: Server): void {
  const open = new Set<Socket>();
  const answering = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      answering.delete(socket);
    });
    if (open.size > CONNECTIONS) dispensable([...open], answering)?.destroy();
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    answering.add(socket);
    response.once('close', () => answering.delete(socket));
  });
}

/** The oldest connection of the address with the most; those without a request go first. */
function dispensable(open: readonly Socket[], answering: ReadonlySet<Socket>): Socket | undefined {
  const byAddress = new Map<string | undefined, Socket[]>();
  for (const socket of open) {
    const { remoteAddress } = socket;
    byAddress.set(remoteAddress, [...(byAddress.get(remoteAddress) ?? []), socket]);
  }
  const [most] = [...byAddress.values()].sort((a, b) => b.length - a.length);
  return most?.find((socket) => !answering.has(socket)) ?? most?.[0];
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.[0-9.]+|::1)$/.test(host);
}

async function answerTo(request: IncomingMessage, sources: AdminSources): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, body: 'method not allowed', allow: 'GET, HEAD' };
  }
  // Only these paths; none accepts a query string.
  switch (request.url) {
    case '/healthz':
      return { status: 200, body: 'ok' };
    case '/readyz': {
      const { notReady, withheld } = await sources.readiness();
      return notReady === null
        ? { status: 200, body: ['ready', ...withheld].join('\n') }
        : { status: 503, body: notReady };
    }
    case '/metrics':
      return { status: 200, body: await sources.metrics(), type: CONTENT_TYPE };
    default:
      return { status: 404, body: 'not found' };
  }
}

function send(request: IncomingMessage, response: ServerResponse, { status, body, type, allow }: Answer): void {
  // An unread body would be parsed as the next request.
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  const text = body.endsWith('\n') ? body : `${body}\n`;
  response.writeHead(status, {
    'content-type': type ?? 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(allow !== undefined && { allow }),
    ...(hasBody && { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

/** Requests that arrive while an answer is being made share it: many cost no more than one. */
function onePerTime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(host === '*' ? { port } : { host, port }, () => {
      server.off('error', failed);
      done();
    });
  });
}
