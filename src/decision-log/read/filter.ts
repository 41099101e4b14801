/** Selects records. A statement's `seen` and outcome belong to its decision and are found with it. */
import { suggestion } from '../../policy/source/suggestion.ts';
import type { LogRecord } from '../fields.ts';
import { QUIET_COMMANDS } from '../writer/quiet-commands.ts';

export interface Wanted {
  readonly principal?: string | undefined;
  readonly user?: string | undefined;
  readonly role?: string | undefined;
  /** `students`, with or without its schema. */
  readonly table?: string | undefined;
  /** `ine`, `students.ine`, or with its schema. */
  readonly column?: string | undefined;
  /** The decision's effect or, in observe mode, what it would have been. */
  readonly effect?: string | undefined;
  readonly reason?: string | undefined;
  readonly kind?: string | undefined;
  readonly id?: string | undefined;
  readonly session?: string | undefined;
  /** Anywhere in the statement or message, ignoring case. */
  readonly text?: string | undefined;
  /** Milliseconds since the epoch; `since` is included, `until` is not. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Ids of one person, with all available keys: only records that contain one of them. */
  readonly person?: { readonly subject: string; readonly ids: ReadonlySet<string> } | undefined;
}

/** More than the statements that run at once: forgetting one costs an outcome that is not shown. */
const MOST_RUNNING = 100_000;

export class Filter {
  /** Decisions that match apart from their reason, and whether their reason matches. */
  private readonly running = new Map<unknown, boolean>();

  constructor(private readonly wanted: Wanted) {}

  /** Call it with all records, in order. */
  takes(record: LogRecord): boolean {
    const { kind, id, since = 0, until = Number.POSITIVE_INFINITY, person } = this.wanted;
    const fits = this.fits(record);
    const at = Date.parse(String(record.time));
    return (
      fits &&
      (kind === undefined || record.kind === kind) &&
      (id === undefined || record.id === id) &&
      (!person || names(record, person)) &&
      at >= since &&
      at < until
    );
  }

  private fits(record: LogRecord): boolean {
    const { reason, principal } = this.wanted;
    if (principal !== undefined && record.principal !== principal) return false;
    const forReason = reason === undefined || record.reason === reason;
    if (record.kind === 'outcome' || record.kind === 'seen') {
      if (!this.asksForStatements) return forReason;
      const began = this.running.get(record.id);
      if (record.kind === 'outcome') this.running.delete(record.id);
      return began !== undefined && (began || forReason);
    }
    const fits = this.fitsOfItself(record);
    if (record.kind === 'decision' && fits && !QUIET_COMMANDS.has(String(record.command))) {
      this.running.set(record.id, forReason);
      if (this.running.size > MOST_RUNNING) this.running.delete(this.running.keys().next().value);
    }
    return fits && forReason;
  }

  /** An outcome contains neither the principal's details nor the statement. */
  private get asksForStatements(): boolean {
    const { user, role, session, table, column, effect, reason, text } = this.wanted;
    return [user, role, session, table, column, effect, reason, text].some((each) => each !== undefined);
  }

  private fitsOfItself(record: LogRecord): boolean {
    const { user, role, session, table, column, effect, text } = this.wanted;
    return (
      (user === undefined || record.user === user) &&
      (role === undefined || record.role === role) &&
      (session === undefined || record.session === session) &&
      (table === undefined || among(record.tables, table)) &&
      (column === undefined || among(record.columns, column)) &&
      (effect === undefined || record.effect === effect || record.would === effect) &&
      (text === undefined || within(record.statement, text) || within(record.message, text))
    );
  }
}

/** The nearest name is looked for among so many. */
const MOST_NAMES = 10_000;

/** Names in a query that no record has contained so far, so that a misspelt name is not mistaken for inactivity. */
export class UnseenNames {
  private readonly wanted: readonly {
    readonly what: string;
    readonly name: string;
    readonly namesIn: (record: LogRecord) => readonly unknown[];
    readonly others: Set<unknown>;
  }[];
  private readonly seen = new Set<string>();

  constructor({ principal, user, role, table, column, person }: Wanted) {
    const all: readonly (readonly [string, string | undefined, (record: LogRecord) => readonly unknown[]])[] = [
      ['principal', principal, (record) => [record.principal]],
      ['user', user, (record) => [record.user]],
      ['role', role, (record) => [record.role]],
      ['table', table, ({ tables }) => shortened(tables)],
      ['column', column, ({ columns }) => shortened(columns)],
      ['subject', person?.subject, ({ subjects }) => Object.keys(subjects ?? {})],
    ];
    this.wanted = all.flatMap(([what, name, namesIn]) =>
      name === undefined ? [] : [{ what, name, namesIn, others: new Set() }],
    );
  }

  look(record: LogRecord): void {
    for (const { what, name, namesIn, others } of this.wanted) {
      if (this.seen.has(what)) continue;
      const names = namesIn(record);
      if (names.includes(name)) this.seen.add(what);
      else if (others.size < MOST_NAMES) for (const other of names) others.add(other);
    }
  }

  /** Such as `role "techer", did you mean "teacher"?` */
  get names(): readonly string[] {
    const unseen = this.wanted.filter(({ what }) => !this.seen.has(what));
    return unseen.map(({ what, name, others }) => {
      const near = [...others].filter((other) => typeof other === 'string');
      return `${what} "${name}"${suggestion(name, near)}`;
    });
  }
}

/** `public.students`, `students` */
function shortened(names: unknown): string[] {
  if (!Array.isArray(names)) return [];
  return names.flatMap((name) => {
    const parts = String(name).split('.');
    return parts.map((_, from) => parts.slice(from).join('.'));
  });
}

function among(names: unknown, name: string): boolean {
  return Array.isArray(names) && names.some((each) => each === name || String(each).endsWith(`.${name}`));
}

function within(value: unknown, text: string): boolean {
  return typeof value === 'string' && value.toLowerCase().includes(text.toLowerCase());
}

function names(record: LogRecord, { subject, ids }: NonNullable<Wanted['person']>): boolean {
  const shown = (record.subjects as Record<string, { ids?: unknown }> | undefined)?.[subject]?.ids;
  return Array.isArray(shown) && shown.some((id) => ids.has(String(id)));
}
