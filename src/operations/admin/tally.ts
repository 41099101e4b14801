/** The counters of one process: plain numbers, increased while statements run and read for the metrics. */
import type { LoginReason } from '../../core/login-refusal.ts';
import { Counts } from './counts.ts';
import { Distribution } from './distribution.ts';

/** What the sessions of one role did. */
export class RoleTally {
  logins = 0;
  /** `effect reason`; the reason is absent for allowed statements. */
  readonly statements = new Counts();
  /** In observe mode: what would have been decided. */
  readonly observed = new Counts();
  /** By status. */
  readonly outcomes = new Counts();
  /** By the limit's name. */
  readonly overruns = new Counts();
  readonly serverTime = new Distribution();
  rows = 0;
  bytes = 0;
  copyBytes = 0;
  changed = 0;
  /** Data subjects, by kind. */
  readonly people = new Counts();
  readonly questions = new Counts();
  readonly values = new Counts();
}

/** The most roles with separate counters: far more than a policy has, but bounded if the policy changes for years. */
const MOST_ROLES = 500;

const LOGIN_REASONS: readonly LoginReason[] = [
  'protocol',
  'tls-required',
  'too-many-logins',
  'startup-setting',
  'database',
  'password',
  'token',
  'token-unchecked',
  'address',
  'expired',
  'certificate',
  'disabled',
  'connections',
  'upstream',
  'not-recorded',
  'stopping',
  'internal',
];

/** The result of the last time that policies and catalog were read. */
export interface LastReading {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly ok: boolean;
}

export class ProcessTally {
  readonly roles = new Map<string, RoleTally>();
  readonly loginFailures = new Counts(LOGIN_REASONS);
  readonly turnedAway = new Counts(['protocol', 'too-many-logins']);
  /** Events of prepared plans: prepared, reused and dropped. */
  readonly plans = new Counts(['prepared', 'reused', 'dropped']);
  /** By SQLSTATE. */
  readonly upstreamFailures = new Counts();
  readonly judgedAnew = new Distribution();
  readonly judgedFromMemory = new Distribution();
  readonly readings = new Counts(['ok', 'failed']);
  lastReading: LastReading | undefined;
  /** `sha256:…` of the policy in force. */
  policyHash: string | undefined;
  /** When a session last failed to connect to the server, if none has connected since; milliseconds since the epoch. */
  upstreamFailedAt: number | undefined;
  unwritten = 0;
  /** When the decision log last failed; milliseconds since the epoch. */
  unwrittenAt: number | undefined;

  /** @param clock milliseconds since the epoch */
  constructor(readonly clock: () => number = Date.now) {}

  role(name: string): RoleTally {
    const known = this.roles.get(name);
    if (known) return known;
    if (this.roles.size >= MOST_ROLES && name !== 'other') return this.role('other');
    const made = new RoleTally();
    this.roles.set(name, made);
    return made;
  }

  written(ok: boolean): boolean {
    if (!ok) {
      this.unwritten += 1;
      this.unwrittenAt = this.clock();
    }
    return ok;
  }

  read(ok: boolean): void {
    this.lastReading = { at: this.clock(), ok };
    this.readings.add(ok ? 'ok' : 'failed');
  }
}
