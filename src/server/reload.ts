/** Reloads the policy one reading at a time, and reports the result in the record and the operators' log. */
import type { Logger } from 'pino';
import type { PolicyChange, RecordSink } from '../decision-log/record-sink.ts';
import type { Policy } from '../policy/model/policy.ts';
import type { GuardRuntime, PolicyReading, Reloaded } from './guard-runtime.ts';
import type { Sessions } from './sessions.ts';

export type ReloadVia = PolicyChange['via'];

/** The result of a reading. Errors and warnings are `roles/teacher.yaml:7:3: …`. */
export type ReloadOutcome = Reloaded & { readonly warnings: readonly string[] };

/** The same, or why nothing could be read. */
export type ReloadAnswer = ReloadOutcome | { readonly kind: 'unread'; readonly message: string };

/** All that a reload is about: policies, certificates, configuration, the decision log's file. */
export interface ReloadReport {
  readonly policy: ReloadAnswer;
  /** The hash of the policy in force afterwards. */
  readonly inForce: string | null;
  /** What could not be taken up. */
  readonly problems: readonly string[];
  /** What else was seen: a new certificate, keys that need a restart. */
  readonly notes: readonly string[];
}

export interface ReloadOptions {
  readonly runtime: GuardRuntime;
  readonly sessions: Sessions;
  readonly records: RecordSink;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  clock(): number;
  /** Told of a policy as soon as it is in force. */
  inForce(policy: Policy): void;
  /** Reads files and catalog again; throws if that is not possible now. */
  read(): Promise<PolicyReading>;
  /** Keeps the files of a policy that was read, by its hash. */
  keep?(policy: string): Pick<PolicyChange, 'kept' | 'message'>;
}

/** What a reading is for, and who asked. */
interface Asked {
  readonly via: ReloadVia;
  readonly by: string;
}

export class Reloader {
  private running: Promise<ReloadAnswer> | undefined;
  /** Why the last reading failed, where it did. */
  private unread: string | undefined;
  private next: Asked | undefined;
  /** What the reading was for that failed first. */
  private owed: Asked | undefined;

  constructor(private readonly options: ReloadOptions) {}

  /**
   * A reading has failed since the last one. INVARIANT 224: what was changed meanwhile, as a principal that was removed, holds as soon as it can be read,
   * without another change.
   */
  get owes(): boolean {
    return this.owed !== undefined;
  }

  /** Resolves with the result when a reading that began after this call has been applied or rejected. Never throws. */
  request(via: ReloadVia, by = NOBODY): Promise<ReloadAnswer> {
    // A person who asked is named, also where a file or signal asks for the same reading.
    if (this.next === undefined || this.next.by === NOBODY) this.next = { via, by };
    this.running ??= this.work().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private async work(): Promise<ReloadAnswer> {
    let answer: ReloadAnswer = { kind: 'unread', message: 'nothing was asked for' };
    for (let next = this.next; next !== undefined; next = this.next) {
      this.next = undefined;
      answer = await this.reload(next.via, next.by);
    }
    return answer;
  }

  private async reload(via: ReloadVia, by: string): Promise<ReloadAnswer> {
    const { runtime, log } = this.options;
    let reading: PolicyReading;
    try {
      reading = await this.options.read();
    } catch (error) {
      // Whatever goes wrong while reading, the policy in force stays in force.
      const message = error instanceof Error ? error.message : String(error);
      const isAgain = via === 'catalog' && message === this.unread;
      if (this.owed === undefined || this.owed.via === 'catalog') this.owed = { via, by };
      if (runtime.ready && !isAgain)
        log.error({ via, detail: message }, 'policy not reloaded until it can be read; the one in force stays');
      // Reading is retried again and again: each reason is reported once, and the first one was reported at the start.
      else if (!runtime.ready && message !== (this.unread ?? (via === 'start' ? message : undefined)))
        log.warn({ via, detail: message }, 'no policy yet; logins are refused');
      this.unread = message;
      return { kind: 'unread', message };
    }
    // The watch of the catalog made up for it: it is recorded as what it was asked for.
    const asked = via === 'catalog' ? (this.owed ?? { via, by }) : { via, by };
    this.unread = undefined;
    this.owed = undefined;
    const { withheld } = runtime;
    const outcome = runtime.replace(reading);
    this.tell(outcome, withheld, reading.warnings, asked);
    return { ...outcome, warnings: reading.warnings };
  }

  /** `before`: what was withheld until now, which was reported already. */
  private tell(outcome: Reloaded, before: readonly string[], warnings: readonly string[], { via, by }: Asked): void {
    const { runtime, sessions, records, log } = this.options;
    for (const warning of warnings) log.warn(warning);
    switch (outcome.kind) {
      case 'unchanged':
        log.debug({ via }, 'policy unchanged');
        return;
      case 'kept':
        for (const error of outcome.errors) log.error(error);
        if (!runtime.ready) {
          log.error({ via }, 'no policy yet, it has errors; logins are refused');
          return;
        }
        log.error({ via, policy: outcome.hash }, 'policy not reloaded: it has errors; the one in force stays');
        records.append('policy', { from: outcome.hash, to: outcome.hash, by, via, problems: outcome.errors });
        return;
      case 'replaced': {
        const { from, to, errors, withheld } = outcome;
        for (const error of errors) log.error(error);
        for (const error of withheld) if (!before.includes(error)) log.error(`${error} (withheld until it fits)`);
        for (const error of before) if (!withheld.includes(error)) log.info(`no longer withheld: ${error}`);
        const problems = errors.length + withheld.length > 0 ? { problems: [...errors, ...withheld] } : {};
        const kept = this.options.keep?.(to);
        records.append('policy', { ...(from !== undefined && { from }), to, ...kept, by, via, ...problems });
        this.options.inForce(runtime.policy);
        const ended = sessions.recheck(runtime.policy, this.options.clock());
        log.info({ via, by, from, to, ended }, 'policy reloaded');
        return;
      }
      default:
        outcome satisfies never;
    }
  }
}

/** The user in records of changes that a file or a signal caused. */
const NOBODY = 'system';
