/** Adds up what the decision log says was used: by principal and minute, by statement, and what its windows of people held. */
import type { LogRecord } from '../decision-log/fields.ts';
import { QUIET_COMMANDS } from '../decision-log/writer/quiet-commands.ts';
import { roundedUp } from '../desk/learn/taken.ts';

export interface UsedAmounts {
  rows: number;
  bytes: number;
  statements: number;
  changed: number;
  /** By subject. */
  readonly told: Map<string, DisclosedTotals>;
}

/** What was disclosed about the data subjects of one kind. */
export interface DisclosedTotals {
  /** Those who were named, each once in each statement. */
  people: number;
  questions: number;
  values: number;
}

/** The highest count of people that a window reached in an hour. */
export interface HourlyPeak {
  readonly used: number;
  /** Since the epoch. */
  readonly minute: number;
  /** Questions and values are in it: no limit on answers counted them apart. */
  readonly withAnswers: boolean;
}

export interface PrincipalUsage {
  readonly role: string;
  /** By minutes since the epoch. */
  readonly minutes: Map<number, UsedAmounts>;
  /** By window, as `subjects.student per day`, and hour. */
  readonly noted: Map<string, Map<number, HourlyPeak>>;
}

/** How many statements had so many rows or bytes, rounded up to two digits. */
export type PerStatement = Map<number, number>;

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A note is written shortly after the hour that it is about. */
const BEHIND_MS = 1_000;
/** The guard counts them as no statement. */
const FREE = new Set(
  'BEGIN START COMMIT END ROLLBACK ABORT SAVEPOINT RELEASE SET RESET SHOW DEALLOCATE CLOSE DISCARD'.split(' '),
);
const NOT_RUN = new Set(['refused', 'skipped']);

export interface TallyOptions {
  /** ISO dates; both included. */
  readonly from?: string;
  readonly until?: string;
  /** Principals that are left out. */
  readonly without: readonly string[];
}

export class UsageTally {
  readonly principals = new Map<string, PrincipalUsage>();
  readonly rowsPerStatement = new Map<string, PerStatement>();
  readonly bytesPerStatement = new Map<string, PerStatement>();
  readonly locked = new Set<string>();
  first: string | undefined;
  last: string | undefined;
  /** Of statements that have not ended. */
  private readonly running = new Map<string, { readonly role: string; readonly counts: boolean }>();

  constructor(private readonly options: TallyOptions) {}

  /** Whole records, in the order of each file. */
  add(line: LogRecord): void {
    const { kind, time, principal, role, id } = line;
    if (typeof principal !== 'string' || this.options.without.includes(principal)) return;
    // Also of what began before the time that is asked about.
    if (kind === 'decision' && typeof role === 'string') {
      const command = String(line.command);
      const counts = !FREE.has(command.split(' ')[0] ?? '');
      // Commands without an outcome in the good case do not wait for one.
      if (!QUIET_COMMANDS.has(command)) this.running.set(String(id), { role, counts });
    }
    const begun = kind === 'outcome' ? this.running.get(String(id)) : undefined;
    if (begun) this.running.delete(String(id));
    const day = String(time).slice(0, 10);
    const { from = day, until = day } = this.options;
    if (day < from || day > until) return;
    const at = Date.parse(String(time));
    // A lock of an end user does not lock the account.
    if (kind === 'lock' && line.user === undefined) this.locked.add(principal);
    if (kind === 'outcome' && begun && !NOT_RUN.has(String(line.status))) this.outcome(line, principal, begun, at);
    if (kind === 'usage' && typeof role === 'string') this.usage(line, principal, role, at - BEHIND_MS);
  }

  private outcome(
    line: LogRecord,
    principal: string,
    { role, counts }: { role: string; counts: boolean },
    at: number,
  ): void {
    const { minutes } = this.of(principal, role);
    const minute = Math.floor(at / MINUTE_MS);
    const used = minutes.get(minute) ?? { rows: 0, bytes: 0, statements: 0, changed: 0, told: new Map() };
    minutes.set(minute, used);
    const [rows, bytes] = [Number(line.rows), Number(line.bytes)];
    used.rows += rows;
    used.bytes += bytes;
    used.changed += Number(line.changed);
    used.statements += counts ? 1 : 0;
    for (const [subject, shown] of Object.entries((line.subjects ?? {}) as Shown)) {
      const told = used.told.get(subject) ?? { people: 0, questions: 0, values: 0 };
      used.told.set(subject, told);
      told.people += shown.people;
      told.questions += shown.questions ?? 0;
      told.values += shown.values ?? 0;
    }
    this.mark(String(line.time));
    if (rows === 0) return;
    count(this.rowsPerStatement, role, rows);
    count(this.bytesPerStatement, role, bytes);
  }

  private usage(line: LogRecord, principal: string, role: string, at: number): void {
    const { noted } = this.of(principal, role);
    const hour = Math.floor(at / HOUR_MS);
    const minute = Math.floor(at / MINUTE_MS);
    const limits = (line.limits ?? []) as { name: string; used: number }[];
    for (const { name, used } of limits) {
      // `subjects.student 300 per day`: the amount may change, the window is the same.
      const window = name.replace(/ \S+ per /, ' per ');
      const hours = noted.get(window) ?? new Map<number, HourlyPeak>();
      noted.set(window, hours);
      const answers = `${name.split(' ')[0]!.replace('subjects.', 'answers.')} `;
      const withAnswers = !limits.some((other) => other.name.startsWith(answers));
      if (used >= (hours.get(hour)?.used ?? 0)) hours.set(hour, { used, minute, withAnswers });
    }
    this.mark(String(line.time));
  }

  private mark(time: string): void {
    if (this.first === undefined || time < this.first) this.first = time;
    if (this.last === undefined || time > this.last) this.last = time;
  }

  private of(principal: string, role: string): PrincipalUsage {
    let usage = this.principals.get(principal);
    // Its role may have changed: what it did in another one is not this one's.
    if (!usage || usage.role !== role) {
      usage = { role, minutes: new Map(), noted: new Map() };
      this.principals.set(principal, usage);
    }
    return usage;
  }
}

type Shown = Readonly<
  Record<
    string,
    {
      readonly people: number;
      readonly questions?: number;
      readonly values?: number;
    }
  >
>;

function count(by: Map<string, PerStatement>, role: string, amount: number): void {
  const counts = by.get(role) ?? new Map<number, number>();
  by.set(role, counts);
  const rounded = roundedUp(amount);
  counts.set(rounded, (counts.get(rounded) ?? 0) + 1);
}
