/** An event that must be reported at once, besides its record; `alarms/` delivers it. */

/** A limit that was reached, for records and alarms: `rows 2000 per hour`. */
export interface LimitReached {
  readonly name: string;
  readonly used: number;
  readonly of: number;
}

export interface Alarm {
  readonly kind:
    | 'lock'
    | 'release'
    | 'raise'
    | 'permit'
    | 'break-glass'
    | 'observe'
    | 'canary'
    | 'warning'
    | 'expiry'
    | 'store-lost'
    | 'store-back'
    | 'clock-apart'
    | 'clock-back';
  readonly principal?: string;
  /** The end user of a token. */
  readonly user?: string;
  /** One sentence for people, without data: `principal "college_12_app" is locked out until …`. */
  readonly text: string;
  readonly reason?: string;
  readonly by?: string;
  /** The canary that was read, and its subject. */
  readonly canary?: { readonly subject: string; readonly hash: string };
  /** The id of the decision on the statement. */
  readonly decision?: string;
  readonly limit?: LimitReached;
}

export interface AlarmSink {
  /** Never throws and waits for nothing; what is raised outlives a crash of the process. */
  raise(alarm: Alarm): void;
}

/** Where `notify` is not set. */
export const NO_ALARMS: AlarmSink = { raise: () => {} };
