/** Puts a whole guard together from its configuration, and runs it: for `serve` and for `demo`. */
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { exposition } from '../admin/exposition.ts';
import { type RunningAdmin, startAdmin } from '../admin/server.ts';
import { WatchedGuard } from '../admin/watched-guard.ts';
import { UNWATCHED, type Watch } from '../admin/watching.ts';
import type { Config } from '../config/config.ts';
import { Guard } from '../guard/guard.ts';
import { ListenFailure, type Listening } from '../proxy/listener.ts';
import { watchPolicies } from '../proxy/policy-watch.ts';
import { type RunningProxy, startProxy } from '../proxy/start.ts';
import { type DecisionLog, openLog } from '../record/log.ts';
import { loadParser } from '../sql/parse.ts';
import { PolicyReader } from './policy-reader.ts';
import { version } from './version.ts';

/** Why a guard does not start, for the operator: one line each. */
export class StartError extends Error {
  constructor(readonly lines: readonly string[]) {
    super(lines.join('\n'));
  }
}

export interface RunningGuard {
  /** The first TCP address; port 0 where there is none. */
  readonly address: AddressInfo;
  readonly listening: readonly Listening[];
  /** Where it is watched, if anywhere. */
  readonly adminAddress: AddressInfo | undefined;
  /** What SIGHUP asks for: policies, certificates and the log's file anew. */
  reload(): Promise<void>;
  /** Ends sessions and listener, and writes the last record. */
  stop(): Promise<void>;
}

const CATALOG_POLL_MS = 10_000;
const EXPIRE_MS = 30_000;
const LOGIN_TIMEOUT_MS = 15_000;
const UPSTREAM_TIMEOUT_MS = 10_000;
const STOP_MS = 5_000;

/** Throws StartError. Errors in a role have closed it; they are in the log. */
export async function startGuard(config: Config, log: Logger): Promise<RunningGuard> {
  await loadParser();
  const watched = config.admin && new WatchedGuard(version());
  const admin = watched && (await openAdmin(config, watched, log));
  try {
    const guard = await startWatched(config, log, watched);
    return {
      ...guard,
      adminAddress: admin?.address,
      async stop() {
        await guard.stop();
        await admin?.stop();
      },
    };
  } catch (error) {
    await admin?.stop();
    throw error;
  }
}

/** Open before anything else, so that a guard that waits for its database can say so. */
async function openAdmin({ admin }: Config, watched: WatchedGuard, log: Logger): Promise<RunningAdmin | undefined> {
  if (!admin) return undefined;
  const sources = {
    notReady: () => watched.notReady(),
    metrics: async () => exposition([await watched.metrics()]),
  };
  return orStartError(`could not begin to listen on the admin address ${admin.host}:${admin.port}`, () =>
    startAdmin(admin, sources, log),
  );
}

async function startWatched(
  config: Config,
  log: Logger,
  watched: WatchedGuard | undefined,
): Promise<Omit<RunningGuard, 'adminAddress'>> {
  const watch = watched?.watch ?? UNWATCHED;
  const reader = new PolicyReader(config);
  const read = watch.read(() => reader.read());
  const reading = await orStartError('could not read the catalog of the database', read);
  for (const warning of reading.warnings) log.warn(warning);
  for (const error of reading.errors) log.error(error);
  const { policy } = reading;
  if (!policy) throw new StartError(reading.errors);
  for (const key of config.notEnforced) log.warn(`${key} in ${config.file} is read, but not enforced yet`);
  for (const role of policy.roles.values()) {
    if (role.disabled !== undefined) log.error(`role "${role.name}" is disabled: ${role.disabled}`);
  }
  const records = await orStartError(`could not open the decision log ${config.log.file}`, async () =>
    watch.log(openLog({ ...config.log, guard: config.name, clock: Date.now, notice: (message) => log.error(message) })),
  );
  try {
    const started =
      records.append('start', { version: version(), configuration: config.hash }) &&
      records.append('policy', {
        to: policy.hash,
        by: 'system',
        via: 'start',
        ...(reading.errors.length > 0 && { problems: reading.errors }),
      });
    if (!started) throw new StartError([`could not write the decision log ${config.log.file}`]);
    const proxy = await startListening(config, log, records, watch, read, reading);
    return await keepRunning(config, log, records, reader, proxy, watched);
  } catch (error) {
    records.close();
    throw error;
  }
}

async function startListening(
  config: Config,
  log: Logger,
  records: DecisionLog,
  watch: Watch,
  read: PolicyReader['read'],
  reading: Awaited<ReturnType<PolicyReader['read']>>,
): Promise<RunningProxy> {
  const { upstream, listen, tls } = config;
  return orStartError('could not start', () =>
    startProxy({
      database: upstream.database,
      accountOf: (role) => upstream.logins.get(role) ?? upstream.login,
      searchPath: config.searchPath,
      tlsRequired: tls?.required ?? false,
      proxies: config.proxyProtocol.from,
      unixSocketMode: config.unixSocketPermissions,
      loginTimeoutMs: LOGIN_TIMEOUT_MS,
      limits: config.limits,
      mockSecret: mockSecret(config),
      listen,
      tls,
      upstream: { host: upstream.host, port: upstream.port, tls: upstream.tls, timeoutMs: UPSTREAM_TIMEOUT_MS },
      records,
      log,
      makeJudge: watch.makeJudge(({ catalog, role }) => new Guard({ catalog, role, searchPath: config.searchPath })),
      reading,
      read,
    }),
  );
}

/** What goes on while the guard runs: changes of policies and catalog, and principals whose time is over. */
async function keepRunning(
  config: Config,
  log: Logger,
  records: DecisionLog,
  reader: PolicyReader,
  proxy: RunningProxy,
  watched: WatchedGuard | undefined,
): Promise<Omit<RunningGuard, 'adminAddress'>> {
  const stopWatching = await watchPolicies(config.policies, () => void proxy.reload('file'));
  const expiring = setInterval(() => proxy.expire(), EXPIRE_MS);
  let unreachable = false;
  const polling = setInterval(async () => {
    try {
      const changed = (await reader.version()) !== proxy.runtime.catalogVersion;
      unreachable = false;
      if (changed) await proxy.reload('catalog');
    } catch (error) {
      if (!unreachable) log.warn({ err: error }, 'could not ask the database whether its catalog has changed');
      unreachable = true;
    }
  }, CATALOG_POLL_MS);
  watched?.running(proxy, [() => (unreachable ? 'the database server could not be reached' : undefined)]);
  return {
    address: proxy.address,
    listening: proxy.listening,
    async reload() {
      if (!records.reopen()) log.error('could not open the decision log anew; the open file stays');
      try {
        proxy.reloadTls();
      } catch (error) {
        log.error({ err: error }, 'certificate not reloaded; the one in use stays');
      }
      await proxy.reload('signal');
    },
    async stop() {
      clearInterval(expiring);
      clearInterval(polling);
      await stopWatching();
      await proxy.stop(STOP_MS);
      records.append('stop', { version: version() });
      records.close();
    },
  };
}

/**
 * Stays the same over restarts where there is a private key to derive it from, so that asking before and after one tells
 * nothing about which users exist.
 */
function mockSecret({ tls }: Config): Uint8Array {
  if (!tls) return randomBytes(32);
  return createHmac('sha256', readFileSync(tls.key)).update('rowgate challenges of unknown users').digest();
}

async function orStartError<T>(what: string, work: () => Promise<T>): Promise<T> {
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
