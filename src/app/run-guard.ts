/** Puts a whole guard together from its configuration, and runs it: for `serve` and for `demo`. */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { workerConfig } from '../config/worker-config.ts';
import { Anchoring } from '../decision-log/anchors/anchoring.ts';
import { sendAnchor } from '../decision-log/anchors/send.ts';
import type { Head } from '../decision-log/chain/seal.ts';
import { keepPolicy } from '../decision-log/policies/kept-policies.ts';
import type { PolicyChange } from '../decision-log/record-sink.ts';
import type { StatementStore } from '../decision-log/statements/keep.ts';
import type { DecisionLog } from '../decision-log/writer/log.ts';
import { Guard } from '../guard/guard.ts';
import { LoggedOutTokens } from '../identity/logged-out-tokens.ts';
import { SessionEndUsers } from '../identity/session-end-users.ts';
import { TokenVerifier, type VerifierOptions } from '../identity/verifier.ts';
import type { BudgetStore } from '../metering/budget-store.ts';
import { WatchedGuard } from '../operations/admin/watched-guard.ts';
import { type GuardWatch, UNWATCHED } from '../operations/admin/watching.ts';
import { judgementDeadline } from '../server/judgement-deadline.ts';
import type { SharedState } from '../server/slots/shared-state.ts';
import { type RunningProxy, startProxy } from '../server/start.ts';
import type { Identity } from '../session/end-user/end-user.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { withCurrentPasswords } from './current-passwords.ts';
import { firstReading } from './first-reading.ts';
import { keepRunning, type LastingParts, type RunningGuard, type Started } from './keep-running.ts';
import { mockSecret } from './mock-secret.ts';
import { onlyProcess, openAdmin } from './open-admin.ts';
import { openAlarms } from './open-alarms.ts';
import { tooFewFiles } from './open-files.ts';
import { openLogs } from './open-logs.ts';
import { openStore } from './open-store.ts';
import { ownLog } from './own-log.ts';
import { PolicyReader } from './policy-reader.ts';
import { orStartError, StartError } from './start-error.ts';
import { openSubjectIds } from './subject-ids.ts';
import { settleEngine } from './v8-settings.ts';
import { version } from './version.ts';

/** Of several processes that are one guard: which one this is, and what they share. */
export interface WorkerPlace {
  /** From 0. */
  readonly slot: number;
  readonly shared: SharedState;
  readonly store: BudgetStore;
  readonly mockSecret: Uint8Array;
  /** The hash of the policy that others of them have in force already. */
  readonly policyInForce: string | undefined;
  /** To be told after each seal of its log how far that has come. */
  readonly sealed: (name: string, head: Head) => void;
}

/** Throws StartError. Errors in a role have closed it; they are in the log. */
export async function startGuard(config: Config, log: Logger, worker?: WorkerPlace): Promise<RunningGuard> {
  settleEngine();
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

async function startWatched(
  given: Config,
  log: Logger,
  watched: WatchedGuard | undefined,
  worker: WorkerPlace | undefined,
): Promise<Started> {
  const { config, take: takePasswords } = withCurrentPasswords(given);
  // What a worker is started with again is the configuration of the others; its passwords may have been replaced since.
  const now = worker && loadConfig(config.file, process.env).config;
  if (now) takePasswords(now);
  const watch = watched?.watch ?? UNWATCHED;
  const reader = new PolicyReader(config);
  const read = watch.read(() => reader.read());
  const reading = await orStartError('could not read the catalog of the database', () => firstReading(read, log));
  for (const warning of reading?.warnings ?? []) log.warn(warning);
  for (const error of reading?.errors ?? []) log.error(error);
  for (const error of reading?.withheld ?? []) log.error(`${error} (withheld until it fits)`);
  if (reading && !reading.policy) throw new StartError(reading.errors);
  // A single guard that starts closes the roles with errors; a worker waits, as the other workers do, for files without errors.
  const differs = worker?.policyInForce !== undefined && worker.policyInForce !== reading?.policy?.hash;
  if (reading && reading.errors.length > 0 && differs) throw new StartError(reading.errors);
  const files = tooFewFiles(config);
  if (files !== undefined) log.warn(files);
  for (const role of reading?.policy?.roles.values() ?? []) {
    if (role.disabled !== undefined) log.error(`role "${role.name}" is disabled: ${role.disabled}`);
  }
  const subjectIds = openSubjectIds(config);
  const { name, log: recording } = worker ? workerConfig(config, worker.slot) : config;
  const owned = await ownLog(recording.file, log);
  const { records, statements } = await orStartError(`could not open the decision log ${recording.file}`, () =>
    openLogs({ config, recording, guard: name, subjects: subjectIds, log, watch }),
  ).catch(async (error) => {
    await owned.giveUp();
    throw error;
  });
  if (worker) records.onSeal(() => void records.head().then((head) => head && worker.sealed(name, head)));
  const keep = policyKeeper(config, reader, log, statements);
  let begun = false;
  try {
    begun = records.append('start', { version: version(), configuration: config.hash });
    const started =
      begun &&
      (!reading?.policy ||
        records.append('policy', {
          to: reading.policy.hash,
          ...keep(reading.policy.hash),
          by: 'system',
          via: 'start',
          ...(reading.errors.length + reading.withheld.length > 0 && {
            problems: [...reading.errors, ...reading.withheld],
          }),
        }));
    if (!started) throw new StartError([`could not write the decision log ${recording.file}`]);
    const store = worker?.store ?? (await openStore(config, log));
    try {
      const alarms = await openAlarms(config, log, records, worker === undefined);
      const kept: LastingParts = { store, alarms, subjectIds, keep, takePasswords };
      const proxy = await startListening(config, log, records, watch, read, reading, worker, kept);
      const anchoring = openAnchoring(config, log, records);
      const running = await keepRunning(config, log, records, proxy, watched, kept);
      return {
        ...running,
        async stop(how) {
          await running.stop(how);
          await statements?.close();
          await owned.giveUp();
          await anchoring?.stop();
        },
      };
    } catch (error) {
      await store.close();
      throw error;
    }
  } catch (error) {
    // A start without its end reads as a guard that was killed.
    if (begun) records.append('stop', { version: version() });
    await records.close();
    await statements?.close();
    await owned.giveUp();
    throw error;
  }
}

async function startListening(
  config: Config,
  log: Logger,
  records: DecisionLog,
  watch: GuardWatch,
  read: PolicyReader['read'],
  reading: Awaited<ReturnType<typeof firstReading>>,
  worker: WorkerPlace | undefined,
  kept: LastingParts,
): Promise<RunningProxy> {
  const { upstream, listen, tls } = config;
  const clock = (): number => kept.store.now();
  return orStartError('could not start', () =>
    startProxy({
      database: upstream.database,
      accountOf: (role) => upstream.logins.get(role) ?? upstream.login,
      searchPath: config.searchPath,
      timeZone: config.timeZone,
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
      ...(config.plans && { plans: config.plans }),
      onPlan: watch.plan,
      upstream: { ...upstream, timeoutMs: upstream.connectTimeoutMs },
      records,
      log,
      turnedAway: watch.turnedAway,
      loginRefused: watch.loginRefused,
      makeJudge: watch.makeJudge(
        ({ catalog, role, searchPath }) =>
          new Guard({
            catalog,
            role,
            searchPath: searchPath ?? config.searchPath,
            policyPath: config.searchPath,
            pooling: upstream.pooling,
            deadline: judgementDeadline,
          }),
      ),
      reading,
      read,
      identity: openIdentity({
        folder: config.policies,
        log,
        now: clock,
        elapsed: () => performance.now(),
        loggedOut: new LoggedOutTokens(kept.store),
      }),
      ...kept,
    }),
  );
}

/** Records the policy in the log. If it cannot be kept there, it still comes into force: locking a principal out must not wait for a disk. */
function policyKeeper(
  config: Config,
  reader: Pick<PolicyReader, 'filesOf' | 'catalogText'>,
  log: Logger,
  statements: StatementStore | undefined,
): (policy: string) => Pick<PolicyChange, 'kept' | 'message'> {
  return (policy) => {
    const catalog = reader.catalogText();
    if (catalog !== undefined) statements?.standOn(catalog);
    try {
      const kept = keepPolicy(config.log.file, reader.filesOf(policy));
      return kept === undefined ? {} : { kept };
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? String(error);
      const message = `the policy's files could not be kept beside the log (${why})`;
      log.error({ policy, err: error }, message);
      return { message };
    }
  };
}

/** Undefined if anchors are not configured. Each process anchors the log that it writes. */
function openAnchoring({ log: { anchor } }: Config, log: Logger, records: DecisionLog): Anchoring | undefined {
  if (!anchor) return undefined;
  const { to, ca, everyMs } = anchor;
  const anchoring = new Anchoring({
    everyMs,
    send: (seal, signal) => sendAnchor({ ...to, ...(ca !== undefined && { ca }) }, seal, signal),
    lost: (error) => log.error({ err: error }, 'anchors of the decision log do not arrive'),
    found: () => log.info('anchors of the decision log arrive again'),
  });
  records.onSeal((seal) => anchoring.offer(seal));
  return anchoring;
}

/** Reads nothing before a token has to be verified. */
export function openIdentity(options: VerifierOptions): Identity {
  const verifier = new TokenVerifier(options);
  return {
    persons: (wake) => new SessionEndUsers(verifier, options.elapsed, wake),
    verify: (rule, token) => verifier.verify(rule, token),
    known: (rule, token) => verifier.known(rule, token),
    keysChanged: () => verifier.keysChanged(),
  };
}
