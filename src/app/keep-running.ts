/** What goes on while a guard runs: changes of policies, certificates and catalog, principals whose time is over, and its end. */
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Head } from '../decision-log/chain/seal.ts';
import type { PolicyChange } from '../decision-log/record-sink.ts';
import type { SubjectIds } from '../decision-log/subject-ids.ts';
import type { DecisionLog } from '../decision-log/writer/log.ts';
import type { BudgetStore } from '../metering/budget-store.ts';
import { watchFiles } from '../net/file-watch.ts';
import type { WatchedGuard } from '../operations/admin/watched-guard.ts';
import { Commands } from '../operations/control/commands.ts';
import type { ControlReply, ControlRequest } from '../operations/control/protocol.ts';
import type { Listening } from '../server/listener.ts';
import type { ReloadReport } from '../server/reload.ts';
import type { RunningProxy } from '../server/start.ts';
import { newUlid } from '../server/ulid.ts';
import type { UpstreamKey } from '../upstream/upstream-error.ts';
import { watchCatalog } from './catalog-watch.ts';
import { keepTrying } from './first-reading.ts';
import type { OpenAlarms } from './open-alarms.ts';
import { rereadConfig } from './reread-config.ts';
import { rereadSubjectKey } from './subject-ids.ts';
import { version } from './version.ts';

export interface RunningGuard {
  /** The first TCP address; port 0 if there is none. */
  readonly address: AddressInfo;
  readonly listening: readonly Listening[];
  /** Where it is watched, if anywhere. */
  readonly adminAddress: AddressInfo | undefined;
  /** What is known of it there. */
  readonly watched: WatchedGuard | undefined;
  /**
   * What SIGHUP asks for: reads policies, certificates and configuration again, and reopens the log's file. `by`: the user of the control socket who
   * asked.
   */
  reload(by?: string): Promise<ReloadReport>;
  /** A command of the control socket, by a user: of `drain`, that it is recorded; never `reload`. */
  command(request: ControlRequest, by: string): Promise<ControlReply>;
  /** Takes no new connections, and ends each session when it is idle, within the time that the configuration sets. */
  drain(): Promise<void>;
  /** Ends sessions and listener, and writes the last record. `at-once`: without long waits for those who do not close. */
  stop(how?: 'drained' | 'at-once'): Promise<void>;
  /** Of the policy in force, if there is one. */
  policyHash(): string | undefined;
  /** The position of another worker's log, which the next seals contain. */
  heard(name: string, head: Head): void;
  /** For a CancelRequest that came in at another worker. Resolves with whether the session is here, when its server knows. */
  cancel(key: UpstreamKey): Promise<boolean>;
}

/** A guard without its admin address. */
export type Started = Omit<RunningGuard, 'adminAddress' | 'watched'>;

const EXPIRE_MS = 30_000;
/** A statement that still runs is cancelled a second after its session has ended; its server's answer is waited for. */
const STOP_MS = 5_000;
const STOP_AT_ONCE_MS = 1_500;

/** What outlives the sessions. */
export interface LastingParts {
  readonly store: BudgetStore;
  readonly alarms: OpenAlarms;
  readonly subjectIds: SubjectIds | undefined;
  /** Keeps the files of a policy, by its hash. */
  readonly keep: (policy: string) => Pick<PolicyChange, 'kept' | 'message'>;
  /** Takes the passwords of the accounts at the server from a configuration; true where there are other ones. */
  readonly takePasswords: (next: Config) => boolean;
}

/** Watches and polls from now on; what it returns ends that too. */
export async function keepRunning(
  config: Config,
  log: Logger,
  records: DecisionLog,
  proxy: RunningProxy,
  watched: WatchedGuard | undefined,
  { store, alarms, subjectIds, takePasswords }: LastingParts,
): Promise<Started> {
  const stopWatching = await watchFiles(config.policies, () => void proxy.reload('file'));
  const { tls } = config;
  const { ca, cert, key } = config.upstream.tls;
  const certificates = [tls?.cert, tls?.key, tls?.clientCa, ...(tls?.clientCrl ?? []), ca, cert, key].filter(
    (path) => path !== undefined,
  );
  const stopWatchingTls = await watchFiles(certificates, () => proxy.reloadTls());
  const levelIsFixed = log.level !== config.log.level;
  const expiring = setInterval(() => proxy.expire(), EXPIRE_MS);
  const catalog = watchCatalog({
    upstream: config.upstream,
    log,
    version: () => proxy.runtime.catalogVersion,
    owes: () => proxy.owesReload,
    changed: async () => void (await proxy.reload('catalog')),
  });
  const { runtime } = proxy;
  const stopTrying = keepTrying(
    async () => void (await proxy.reload('start')),
    () => runtime.ready,
  );
  const commands = new Commands({
    store,
    records,
    alarms,
    timeZone: config.timeZone,
    guard: config.name,
    pooling: config.upstream.pooling,
    policy: () => (runtime.ready ? runtime.policy : undefined),
    filedPolicy: () => (runtime.ready ? runtime.filed : undefined),
    sessions: () => proxy.sessions.live(),
    now: () => store.now(),
    newId: newUlid,
  });
  watched?.running(proxy, [
    () => (runtime.ready ? undefined : 'no policy is in force: the database server could not be asked yet'),
    () => (catalog.unreachable ? 'the database server could not be reached' : undefined),
  ]);
  return {
    address: proxy.address,
    listening: proxy.listening,
    async reload(by) {
      const problems: string[] = [];
      if (!records.reopen()) {
        problems.push('could not open the decision log anew; the open file stays');
        log.error(problems[0] ?? '');
      }
      const configuration = rereadConfig(config, log, levelIsFixed, takePasswords);
      const tls = proxy.reloadTls();
      const key = rereadSubjectKey(subjectIds, config, log);
      const policy = await (by === undefined ? proxy.reload('signal') : proxy.reload('control', by));
      return {
        policy,
        inForce: runtime.ready ? runtime.policy.hash : null,
        problems: [...problems, ...configuration.problems, ...tls.problems, ...said(key.problem)],
        notes: [...configuration.notes, ...tls.notes, ...said(key.note)],
      };
    },
    command: (request, by) => commands.run(request, by),
    drain: () => proxy.drain(config.drainMs),
    policyHash: () => (proxy.runtime.ready ? proxy.runtime.policy.hash : undefined),
    heard: (name, head) => records.heard(name, head),
    cancel: async (key) => {
      const session = proxy.sessions.find(key);
      await session?.cancel();
      return session !== undefined;
    },
    async stop(how) {
      clearInterval(expiring);
      stopTrying();
      await catalog.stop();
      await stopWatching();
      await stopWatchingTls();
      await proxy.stop(how === 'at-once' ? STOP_AT_ONCE_MS : STOP_MS);
      alarms.stop();
      await store.close();
      records.append('stop', { version: version() });
      await records.close();
    },
  };
}

function said(words: string | undefined): readonly string[] {
  return words === undefined ? [] : [words];
}
