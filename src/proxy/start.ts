/** Puts the proxy together and starts it. Files, catalog, log and the session's protocol state come from the caller. */
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { SessionPorts } from '../session/ports.ts';
import { Session } from '../session/session.ts';
import { FailedLogins } from './failed-logins.ts';
import { GuardRuntime, type MakeJudge, type PolicyReading } from './guard-runtime.ts';
import { Listener } from './listener.ts';
import { pinnedSettings } from './pinned-settings.ts';
import type { RecordSink } from './record-sink.ts';
import type { SessionMachine } from './relay.ts';
import { Reloader, type ReloadVia } from './reload.ts';
import { ServerTls, type TlsFiles } from './server-tls.ts';
import type { ProxyOptions, Services } from './services.ts';
import { Sessions } from './sessions.ts';
import { Upstream, type UpstreamOptions } from './upstream.ts';

export interface StartOptions extends ProxyOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: TlsFiles | undefined;
  readonly upstream: UpstreamOptions;
  readonly records: RecordSink;
  readonly log: Logger;
  readonly makeJudge: MakeJudge;
  /** Default: the real one. */
  readonly makeSession?: (ports: SessionPorts) => SessionMachine;
  /** The first reading: errors in it have closed the roles that they concern. */
  readonly reading: PolicyReading;
  /** Reads policies and catalog anew. */
  read(): Promise<PolicyReading>;
}

export interface RunningProxy {
  readonly address: AddressInfo;
  readonly sessions: Sessions;
  readonly runtime: GuardRuntime;
  reload(via: ReloadVia): Promise<void>;
  /** Reads certificate and key again, for new connections; throws where they do not serve, and keeps the old ones. */
  reloadTls(): void;
  /** Ends sessions whose principal's time is over. */
  expire(): void;
  stop(graceMs: number): Promise<void>;
}

/** Throws where certificates cannot be read, no policy could be made, or the port is taken. */
export async function startProxy(options: StartOptions): Promise<RunningProxy> {
  const { reading, records, log } = options;
  if (!reading.policy) throw new Error('no policy could be read');
  const runtime = new GuardRuntime(options.makeJudge, reading.policy, reading);
  const sessions = new Sessions();
  let tls = options.tls && new ServerTls(options.tls);
  const services: Services = {
    options,
    runtime,
    records,
    sessions,
    failedLogins: new FailedLogins(),
    upstream: new Upstream(options.upstream),
    pinned: pinnedSettings(options.searchPath),
    tls: () => tls,
    makeSession: options.makeSession ?? ((ports) => new Session(ports)),
    log,
  };
  const listener = new Listener(services);
  const address = await listener.listen(options.listen.host, options.listen.port);
  const reloader = new Reloader({ runtime, sessions, records, log, read: options.read });
  const expire = (): void => {
    sessions.recheck(runtime.policy, Date.now());
  };
  return {
    address,
    sessions,
    runtime,
    reload: (via) => reloader.request(via),
    reloadTls: () => {
      if (options.tls) tls = new ServerTls(options.tls);
    },
    expire,
    stop: (graceMs) => listener.stop(graceMs),
  };
}
