/** Reloads the policy one reading at a time, and says in the record and the operators' log what came of it. */
import type { Logger } from 'pino';
import type { Policy } from '../policy/policy.ts';
import type { GuardRuntime, PolicyReading } from './guard-runtime.ts';
import type { PolicyChange, RecordSink } from './record-sink.ts';
import type { Sessions } from './sessions.ts';

export type ReloadVia = PolicyChange['via'];

export interface ReloadOptions {
  readonly runtime: GuardRuntime;
  readonly sessions: Sessions;
  readonly records: RecordSink;
  readonly log: Logger;
  /** Told of a policy as soon as it is in force. */
  inForce(policy: Policy): void;
  /** Reads files and catalog anew; throws where that is not possible now. */
  read(): Promise<PolicyReading>;
}

export class Reloader {
  private running: Promise<void> | undefined;
  private next: ReloadVia | undefined;

  constructor(private readonly options: ReloadOptions) {}

  /** Resolves when a reading that began after this call has been applied or turned down. Never throws. */
  request(via: ReloadVia): Promise<void> {
    this.next = via;
    this.running ??= this.work().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private async work(): Promise<void> {
    for (let via = this.next; via !== undefined; via = this.next) {
      this.next = undefined;
      await this.reload(via);
    }
  }

  private async reload(via: ReloadVia): Promise<void> {
    const { runtime, sessions, records, log } = this.options;
    let reading: PolicyReading;
    try {
      reading = await this.options.read();
    } catch (error) {
      // INVARIANT: whatever goes wrong while reading, the policy in force stays in force.
      if (runtime.ready) log.error({ via, err: error }, 'policy not reloaded; the one in force stays');
      else log.warn({ via, err: error }, 'no policy yet; nobody is let in');
      return;
    }
    for (const warning of reading.warnings) log.warn(warning);
    const outcome = runtime.replace(reading);
    switch (outcome.kind) {
      case 'unchanged':
        log.debug({ via }, 'policy unchanged');
        return;
      case 'kept':
        for (const error of outcome.errors) log.error(error);
        if (!runtime.ready) {
          log.error({ via }, 'no policy yet, it has errors; nobody is let in');
          return;
        }
        log.error({ via, policy: outcome.hash }, 'policy not reloaded: it has errors; the one in force stays');
        records.append('policy', { from: outcome.hash, to: outcome.hash, by: BY, via, problems: outcome.errors });
        return;
      case 'replaced': {
        const { from, to, errors } = outcome;
        for (const error of errors) log.error(error);
        const problems = errors.length > 0 ? { problems: errors } : {};
        records.append('policy', { ...(from !== undefined && { from }), to, by: BY, via, ...problems });
        this.options.inForce(runtime.policy);
        const ended = sessions.recheck(runtime.policy, Date.now());
        log.info({ via, from, to, ended }, 'policy reloaded');
        return;
      }
      default:
        outcome satisfies never;
    }
  }
}

/** Nobody can be named: a file or a signal brought it. The admin socket, which knows its peer, comes later. */
const BY = 'system';
