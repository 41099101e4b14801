/** Puts a whole guard together from its configuration, and runs it: for `serve` and for `demo`. */
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { exposition } from '../admin/exposition.ts';
import { type AdminSources, type RunningAdmin, startAdmin } from '../admin/server.ts';
import { WatchedGuard } from '../admin/watched-guard.ts';
import { UNWATCHED, type Watch } from '../admin/watching.ts';
import type { Config } from '../config/config.ts';
import { workerConfig } from '../config/worker-config.ts';
import { Guard } from '../guard/guard.ts';
import { watchFiles } from '../proxy/file-watch.ts';
import { ListenFailure, type Listening } from '../proxy/listener.ts';
import type { SharedState } from '../proxy/shared-state.ts';
import { type RunningProxy, startProxy } from '../proxy/start.ts';
import type { UpstreamKey } from '../proxy/upstream-error.ts';
import { type DecisionLog, openLog } from '../record/log.ts';
import { loadParser } from '../sql/parse.ts';
import { firstReading, keepTrying } from './first-reading.ts';
import { tooFewFiles } from './open-files.ts';
import { PolicyReader } from './policy-reader.ts';
import { rereadConfig } from './reread-config.ts';
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
  /** What is known of it there. */
  readonly watched: WatchedGuard | undefined;
  /** What SIGHUP asks for: policies, certificates and the log's file anew. */
  reload(): Promise<void>;
  /** Takes no new connections, and lets each session come to an idle moment, for so long as the configuration says. */
  drain(): Promise<void>;
  /** Ends sessions and listener, and writes the last record. `at-once`: without much patience for those who do not close. */
  stop(how?: 'drained' | 'at-once'): Promise<void>;
  /** Of the policy in force, if there is one. */
  policyHash(): string | undefined;
  /** For a CancelRequest that came in at another worker. */
  cancel(key: UpstreamKey): Promise<void>;
}

type Started = Omit<RunningGuard, 'adminAddress' | 'watched'>;

/** Of several processes that are one guard: which one this is, and what they share. */
export interface WorkerPlace {
  /** From 0. */
  readonly slot: number;
  readonly shared: SharedState;
  readonly mockSecret: Uint8Array;
  /** The hash of the policy that others of them have in force already. */
  readonly policyInForce: string | undefined;
}

const CATALOG_POLL_MS = 10_000;
const EXPIRE_MS = 30_000;
/** A statement that still runs is cancelled a second after its session has ended; its server's answer is waited for. */
const STOP_MS = 5_000;
const STOP_AT_ONCE_MS = 1_500;

/** Throws StartError. Errors in a role have closed it; they are in the log. */
export async function startGuard(config: Config, log: Logger, worker?: WorkerPlace): Promise<RunningGuard> {
  await loadParser();
  const watched = config.admin && new WatchedGuard(version());
  // Of several workers the primary answers for all.
  const admin = watched && !worker ? await openAdmin(config, log, onlyProcess(watched)) : undefined;
  try {
    const guard = await startWatched(config, log, watched, worker);
    return {
      ...guard,
      adminAddress: admin?.address,
      watched,
      async stop(how) {
        await guard.stop(how);
        await admin?.stop();
      },
    };
  } catch (error) {
    await admin?.stop();
    throw error;
  }
}

function onlyProcess(watched: WatchedGuard): AdminSources {
  return { notReady: () => watched.notReady(), metrics: async () => exposition([await watched.metrics()]) };
}

/** Open before anything else, so that a guard that waits for its database can say so. */
export async function openAdmin(
  { admin }: Config,
  log: Logger,
  sources: AdminSources,
): Promise<RunningAdmin | undefined> {
  if (!admin) return undefined;
  return orStartError(`could not begin to listen on the admin address ${admin.host}:${admin.port}`, () =>
    startAdmin(admin, sources, log),
  );
}

async function startWatched(
  config: Config,
  log: Logger,
  watched: WatchedGuard | undefined,
  worker: WorkerPlace | undefined,
): Promise<Started> {
  const watch = watched?.watch ?? UNWATCHED;
  const reader = new PolicyReader(config);
  const read = watch.read(() => reader.read());
  const reading = await orStartError('could not read the catalog of the database', () => firstReading(read, log));
  for (const warning of reading?.warnings ?? []) log.warn(warning);
  for (const error of reading?.errors ?? []) log.error(error);
  if (reading && !reading.policy) throw new StartError(reading.errors);
  // A guard that starts closes the roles with errors; beside others that run it waits, as these do, for files without.
  const differs = worker?.policyInForce !== undefined && worker.policyInForce !== reading?.policy?.hash;
  if (reading && reading.errors.length > 0 && differs) throw new StartError(reading.errors);
  const files = tooFewFiles(config);
  if (files !== undefined) log.warn(files);
  for (const key of config.notEnforced) log.warn(`${key} in ${config.file} is read, but not enforced yet`);
  for (const role of reading?.policy?.roles.values() ?? []) {
    if (role.disabled !== undefined) log.error(`role "${role.name}" is disabled: ${role.disabled}`);
  }
  const { name, log: recording } = worker ? workerConfig(config, worker.slot) : config;
  const records = await orStartError(`could not open the decision log ${recording.file}`, async () =>
    watch.log(openLog({ ...recording, guard: name, clock: Date.now, notice: (message) => log.error(message) })),
  );
  try {
    const started =
      records.append('start', { version: version(), configuration: config.hash }) &&
      (!reading?.policy ||
        records.append('policy', {
          to: reading.policy.hash,
          by: 'system',
          via: 'start',
          ...(reading.errors.length > 0 && { problems: reading.errors }),
        }));
    if (!started) throw new StartError([`could not write the decision log ${recording.file}`]);
    const proxy = await startListening(config, log, records, watch, read, reading, worker);
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
  reading: Awaited<ReturnType<typeof firstReading>>,
  worker: WorkerPlace | undefined,
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
      loginTimeoutMs: config.timeouts.loginMs,
      idle: config.timeouts,
      limits: config.limits,
      mockSecret: worker?.mockSecret ?? mockSecret(config),
      ...(worker && { worker }),
      listen,
      tls,
      pooling: upstream.pooling,
      upstream: { ...upstream, timeoutMs: upstream.connectTimeoutMs },
      records,
      log,
      turnedAway: watch.turnedAway,
      makeJudge: watch.makeJudge(
        ({ catalog, role }) => new Guard({ catalog, role, searchPath: config.searchPath, pooling: upstream.pooling }),
      ),
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
): Promise<Started> {
  const stopWatching = await watchFiles(config.policies, () => void proxy.reload('file'));
  const { cert, key, clientCa = cert } = config.tls ?? {};
  const certificates = [cert, key, clientCa].filter((path) => path !== undefined);
  const stopWatchingTls = await watchFiles(certificates, () => proxy.reloadTls());
  const levelIsFixed = log.level !== config.log.level;
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
  const { runtime } = proxy;
  const stopTrying = keepTrying(
    () => proxy.reload('start'),
    () => runtime.ready,
  );
  watched?.running(proxy, [
    () => (runtime.ready ? undefined : 'no policy is in force: the database server could not be asked yet'),
    () => (unreachable ? 'the database server could not be reached' : undefined),
  ]);
  return {
    address: proxy.address,
    listening: proxy.listening,
    async reload() {
      if (!records.reopen()) log.error('could not open the decision log anew; the open file stays');
      rereadConfig(config, log, levelIsFixed);
      proxy.reloadTls();
      await proxy.reload('signal');
    },
    drain: () => proxy.drain(config.drainMs),
    policyHash: () => proxy.runtime.policy?.hash,
    cancel: async (key) => {
      await proxy.sessions.find(key)?.cancel();
    },
    async stop(how) {
      clearInterval(expiring);
      clearInterval(polling);
      stopTrying();
      await stopWatching();
      await stopWatchingTls();
      await proxy.stop(how === 'at-once' ? STOP_AT_ONCE_MS : STOP_MS);
      records.append('stop', { version: version() });
      records.close();
    },
  };
}

/**
 * Stays the same over restarts where there is a private key to derive it from, so that asking before and after one tells
 * nothing about which users exist.
 */
export function mockSecret({ tls }: Config): Uint8Array {
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
