/** Puts the proxy together and starts it. Files, catalog, log and the session's protocol state come from the caller. */
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { Budgets } from '../budget/local/budgets.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import type { AlarmSink } from '../core/alarm-sink.ts';
import type { PolicyChange, RecordSink } from '../decision-log/record-sink.ts';
import { Estimates } from '../estimates/estimates.ts';
import type { BudgetStore } from '../metering/budget-store.ts';
import type { Policy } from '../policy/model/policy.ts';
import type { Identity } from '../session/end-user/end-user.ts';
import type { SessionPorts } from '../session/ports.ts';
import { Session } from '../session/session.ts';
import { Upstream, type UpstreamOptions } from '../upstream/connect.ts';
import { pinnedSettings } from '../upstream/pinned-settings.ts';
import { UpstreamSetup } from '../upstream/setup.ts';
import { Certificates, type TlsReload } from './certificates.ts';
import { clockOffset, startClockWatch } from './clock-watch.ts';
import { GuardRuntime, type MakeJudge, type PolicyReading } from './guard-runtime.ts';
import { startIdleSweep } from './idle-sweep.ts';
import { LastDays } from './last-days.ts';
import { Listener, type Listening } from './listener.ts';
import { FailedLogins } from './login/failed-logins.ts';
import { LoginTurns } from './login/login-turns.ts';
import { RefusedLogins } from './login/refused-logins.ts';
import type { TlsFiles } from './login/server-tls.ts';
import { mayObserve, Observations } from './observations.ts';
import { Preconnects } from './preconnect.ts';
import { RefusedConnections } from './refused-connections.ts';
import type { SessionMachine } from './relay.ts';
import { type ReloadAnswer, Reloader, type ReloadVia } from './reload.ts';
import type { ProxyOptions, Services } from './services.ts';
import { Sessions } from './sessions.ts';
import type { SharedState } from './slots/shared-state.ts';
import { SlotCounts } from './slots/slot-counts.ts';
import { TimeSlices } from './time-slices.ts';
import { startOvertimeSweep } from './timeout-sweep.ts';
import { startTokenSweep } from './token-sweep.ts';
import { startWindowSweep } from './window-sweep.ts';

/** Refused logins of one address in a minute that are recorded one by one; the others are counted together. */
const FIRST_REFUSALS = 20;

export interface StartOptions extends ProxyOptions {
  readonly listen: readonly ListenAddress[];
  readonly tls: TlsFiles | undefined;
  readonly upstream: UpstreamOptions;
  readonly records: RecordSink;
  readonly log: Logger;
  readonly makeJudge: MakeJudge;
  /** Which of several workers this is, from 0, and what all of them share. Absent: there is one process. */
  readonly worker?: { readonly slot: number; readonly shared: SharedState };
  /** Default: the real one. */
  readonly makeSession?: (ports: SessionPorts) => SessionMachine;
  /** The first reading: its errors have closed the roles that they concern. Absent: all logins are refused before the first reload. */
  readonly reading: PolicyReading | undefined;
  /** Reads policies and catalog again. */
  read(): Promise<PolicyReading>;
  /** Keeps the files of a policy that was read, by its hash. Absent: they are not kept. */
  keep?(policy: string): Pick<PolicyChange, 'kept' | 'message'>;
  /** The store of the budgets; its opener closes it, after `stop`. */
  readonly store: BudgetStore;
  readonly alarms: AlarmSink;
  readonly identity: Identity;
}

export interface RunningProxy {
  /** The first TCP address; port 0 if there is none. */
  readonly address: AddressInfo;
  readonly listening: readonly Listening[];
  readonly sessions: Sessions;
  readonly runtime: GuardRuntime;
  reload(via: ReloadVia, by?: string): Promise<ReloadAnswer>;
  /** A reload has failed since the last one, and is to be made again. */
  readonly owesReload: boolean;
  /** Reads certificates and key again, for new connections; where they do not serve, the log says so and the old ones stay. */
  reloadTls(): TlsReload;
  /** Of the certificate that new connections are shown; undefined without TLS. */
  readonly certificateValidUntil: Date | undefined;
  /** For the revocation list that expires first; undefined if there is none. */
  readonly revocationListsValidUntil: Date | undefined;
  /** By how much the store's clock is ahead of this host's. */
  readonly clockOffsetMs: number;
  /** Ends sessions whose principal's time is over, and reports what else expires. */
  expire(): void;
  /** True from the moment at which no new connections are taken. */
  readonly draining: boolean;
  /** Takes no new connections, and ends each session at its first idle moment. Resolves when all have gone, or after this time. */
  drain(withinMs: number): Promise<void>;
  /** Ends everything, told or not after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Throws where certificates cannot be read, no policy could be made, or the port is taken. */
export async function startProxy(options: StartOptions): Promise<RunningProxy> {
  const { reading, records, log, store } = options;
  const clock = (): number => store.now();
  if (reading && !reading.policy) throw new Error('no policy could be read');
  const pooling = options.pooling ?? 'none';
  const observations: Observations | undefined = mayObserve(pooling)
    ? new Observations({
        store,
        records,
        alarms: options.alarms,
        log,
        policy: () => runtime.filed,
        changed: () => observedAnew(),
      })
    : undefined;
  const runtime = new GuardRuntime(
    options.makeJudge,
    { now: clock, timeZone: options.timeZone },
    reading?.policy,
    reading,
    observations && ((policy) => observations.observed(policy)),
  );
  const pinned = pinnedSettings(options.searchPath);
  const slot = options.worker?.slot ?? 0;
  const sessions = new Sessions();
  let draining = false;
  const { alarms, timeZone } = options;
  const upstream = new Upstream({ ...options.upstream, pooled: pooling !== 'none' });
  const certificates = new Certificates({
    files: options.tls,
    upstream,
    sessions,
    log,
    timeZone,
    ...(slot === 0 && { alarms }),
  });
  const upstreamSetup = new UpstreamSetup({ pooling, pinned, database: options.database });
  const estimates = new Estimates({
    upstream,
    setup: upstreamSetup,
    accountOf: options.accountOf,
    current: () => runtime,
    now: () => performance.now(),
    failed: (detail) => log.warn({ detail }, 'could not ask the planner what a statement reads; it was refused'),
  });
  const budgets = new Budgets({
    store,
    alarms,
    timeZone,
    records,
    log,
    sessions,
    policy: () => runtime.policy,
    estimates,
  });
  const first = options.firstRefusals ?? FIRST_REFUSALS;
  const refusedLogins = new RefusedLogins({
    records,
    log,
    policy: () => runtime.policy,
    database: options.database,
    first,
    clock: Date.now,
    ...(options.loginRefused && { told: options.loginRefused }),
  });
  const services: Services = {
    options,
    clock,
    budgets,
    identity: options.identity,
    runtime,
    records,
    refusedLogins,
    refused: new RefusedConnections(options.limits, first),
    sessions,
    shared: options.worker?.shared ?? localState(),
    upstream,
    upstreamSetup,
    headStarts: new Preconnects(),
    turns: new TimeSlices(),
    loginTurns: new LoginTurns(),
    pinned,
    tls: () => certificates.tls,
    makeSession: options.makeSession ?? ((ports) => new Session(ports)),
    draining: () => draining,
    log,
  };
  const inForce = (policy: Policy): void => services.upstreamSetup.follow(policy, options.accountOf);
  inForce(runtime.policy);
  const observedAnew = (): void => {
    runtime.observe();
    const ended = sessions.recheck(runtime.policy, clock());
    const roles = [...runtime.policy.roles.values()].filter(
      ({ name, mode }) => runtime.filed.roles.get(name)?.mode !== mode,
    );
    log.warn({ roles: roles.map(({ name }) => name), ended }, 'roles that are only observed for a time');
  };
  const listener = new Listener(services);
  const listening = await listener.listen(options.listen);
  const reloader = new Reloader({
    runtime,
    sessions,
    records,
    log,
    clock,
    inForce,
    read: options.read,
    ...(options.keep && { keep: options.keep }),
  });
  const stopSweeps = [
    startIdleSweep(sessions, options.idle),
    startOvertimeSweep(sessions),
    startWindowSweep(sessions),
    startTokenSweep(sessions, options.identity, () => runtime.policy, clock),
    // Of several workers one is enough: they have one host and one state.
    ...(slot === 0 ? [startClockWatch({ store, own: Date.now, alarms, log })] : []),
  ];
  const lastDays = new LastDays({ store, records, alarms, log, timeZone, clock, policy: () => runtime.policy });
  void lastDays.look();
  const expire = (): void => {
    sessions.recheck(runtime.policy, clock());
    certificates.look();
    void lastDays.look();
  };
  return {
    address: listening.find((place) => 'port' in place) ?? { address: '', family: 'unix', port: 0 },
    listening,
    sessions,
    runtime,
    reload: (via, by) => {
      if (via !== 'catalog') options.identity.keysChanged();
      return reloader.request(via, by);
    },
    get owesReload() {
      return reloader.owes;
    },
    reloadTls: () => certificates.reload(),
    expire,
    get certificateValidUntil() {
      return certificates.tls?.validUntil;
    },
    get revocationListsValidUntil() {
      return certificates.listsValidUntil;
    },
    get clockOffsetMs() {
      return clockOffset({ store, own: Date.now });
    },
    get draining() {
      return draining;
    },
    drain: (withinMs) => {
      draining = true;
      return listener.drain(withinMs);
    },
    stop: (graceMs) => {
      draining = true;
      for (const stop of stopSweeps) stop();
      observations?.stop();
      return listener.stop(graceMs).finally(() => {
        refusedLogins.close();
        budgets.stop();
        estimates.stop();
      });
    },
  };
}

/** The shared state of a guard that is one process: kept here, and answered at once. */
export function localState(): SharedState {
  const counts = new SlotCounts();
  const failedLogins = new FailedLogins();
  return {
    take: async (claims) => counts.take(claims),
    give: (keys) => counts.give(keys),
    attempted: async (principal, address, accepted) => failedLogins.attempted(principal, address, accepted),
    waited: async (principal, address, stayed) => failedLogins.waited(principal, address, stayed),
    // There is no other worker that could have the session.
    cancel: async () => {},
  };
}
