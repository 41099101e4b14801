/** Puts the proxy together and starts it. Files, catalog, log and the session's protocol state come from the caller. */
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { SessionPorts } from '../session/ports.ts';
import { Session } from '../session/session.ts';
import { GuardRuntime, type MakeJudge, type PolicyReading } from './guard-runtime.ts';
import type { ListenAddress } from './listen-address.ts';
import { Listener, type Listening } from './listener.ts';
import { localState } from './local-state.ts';
import { pinnedSettings } from './pinned-settings.ts';
import type { RecordSink } from './record-sink.ts';
import type { SessionMachine } from './relay.ts';
import { Reloader, type ReloadVia } from './reload.ts';
import { ServerTls, type TlsFiles } from './server-tls.ts';
import type { ProxyOptions, Services } from './services.ts';
import { Sessions } from './sessions.ts';
import type { SharedState } from './shared-state.ts';
import { Upstream, type UpstreamOptions } from './upstream.ts';

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
  /** The first reading: errors in it have closed the roles that they concern. */
  readonly reading: PolicyReading;
  /** Reads policies and catalog anew. */
  read(): Promise<PolicyReading>;
}

export interface RunningProxy {
  /** The first TCP address; port 0 where there is none. */
  readonly address: AddressInfo;
  readonly listening: readonly Listening[];
  readonly sessions: Sessions;
  readonly runtime: GuardRuntime;
  reload(via: ReloadVia): Promise<void>;
  /** Reads certificate and key again, for new connections; throws where they do not serve, and keeps the old ones. */
  reloadTls(): void;
  /** Ends sessions whose principal's time is over. */
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
  const { reading, records, log } = options;
  if (!reading.policy) throw new Error('no policy could be read');
  const runtime = new GuardRuntime(options.makeJudge, reading.policy, reading);
  const slot = options.worker?.slot ?? 0;
  const sessions = new Sessions(slot);
  let draining = false;
  let tls = options.tls && new ServerTls(options.tls);
  const services: Services = {
    options,
    runtime,
    records,
    sessions,
    shared: options.worker?.shared ?? localState(),
    slot,
    upstream: new Upstream(options.upstream),
    pinned: pinnedSettings(options.searchPath),
    tls: () => tls,
    makeSession: options.makeSession ?? ((ports) => new Session(ports)),
    draining: () => draining,
    log,
  };
  const listener = new Listener(services);
  const listening = await listener.listen(options.listen);
  const reloader = new Reloader({ runtime, sessions, records, log, read: options.read });
  const expire = (): void => {
    sessions.recheck(runtime.policy, Date.now());
  };
  return {
    address: listening.find((place) => 'port' in place) ?? { address: '', family: 'unix', port: 0 },
    listening,
    sessions,
    runtime,
    reload: (via) => reloader.request(via),
    reloadTls: () => {
      if (options.tls) tls = new ServerTls(options.tls);
    },
    expire,
    get draining() {
      return draining;
    },
    drain: (withinMs) => {
      draining = true;
      return listener.drain(withinMs);
    },
    stop: (graceMs) => {
      draining = true;
      return listener.stop(graceMs);
    },
  };
}
