/** The decision log: one JSON object a line, handed to the file before `append` returns. Who is in a session is bound once. */
import pino from 'pino';
import type { DecisionEntry, OutcomeEntry, SessionEntry } from '../session/entries.ts';
import { addInOrder, type RecordFields, type RecordKind } from './fields.ts';
import { type Durability, LogFile, type Written } from './file.ts';
import { printable } from './printable.ts';
import type { SubjectIds } from './subject-ids.ts';

export interface LogOptions {
  readonly file: string;
  /** `batched`: written before `append` returns, synced at most 100 ms later. `strict`: synced before `append` returns. */
  readonly durability: Durability;
  /** What stands under `statement`. */
  readonly text: 'normalized' | 'full' | 'none';
  /** The guard's name. */
  readonly guard: string;
  /** Makes ids of the keys of people who were shown; absent: they are counted, and nothing says who they were. */
  readonly subjects?: SubjectIds | undefined;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Told once when the log begins to fail, and once when it is written again. */
  readonly notice?: (message: string) => void;
}

/** Who a session is, in each of its decisions. Read anew for each record: `application` may change under way. */
export interface SessionContext {
  readonly session: string;
  readonly principal: string;
  readonly user?: string | undefined;
  readonly role: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly client: string;
  readonly certificate?: string | undefined;
  readonly database: string;
  readonly application: string;
}

export interface SessionLog {
  append(entry: SessionEntry): boolean;
}

export interface DecisionLog {
  /** False where the record is not certainly in the log: what it is about must then not happen. Never throws. */
  append(kind: RecordKind, fields: RecordFields): boolean;
  session(context: SessionContext): SessionLog;
  /** After the file was moved away (SIGHUP): goes on in a new one. False where that fails; the open one is then kept. */
  reopen(): boolean;
  close(): void;
}

/** Characters of a statement under `text: full`. */
const FULL_TEXT_CAP = 1024 * 1024;

/** Opens the log, or throws: a guard that cannot record does not start. */
export function openLog(options: LogOptions): DecisionLog {
  const file = new LogFile(options.file, options.durability, options.notice ?? (() => {}));
  let seq = file.lastSequence;
  const ids = options.subjects;
  const destination = new Destination(file);
  const writer = pino(
    {
      base: null,
      formatters: { level: () => ({}) },
      // The first field: pino's line begins with the level, and there is none.
      timestamp: () => `"time":"${new Date(options.clock()).toISOString()}"`,
    },
    destination,
  );

  function append(kind: RecordKind, fields: RecordFields, context?: RecordFields): boolean {
    const record: Record<string, unknown> = { kind, guard: options.guard, seq: seq + 1 };
    addInOrder(record, fields, context);
    try {
      if (kind === 'decision') setStatement(record, fields as DecisionEntry);
      writer.info(record);
    } catch {
      // INVARIANT: a record that cannot be made is one that is not written.
      return false;
    }
    const written = destination.take();
    if (written !== 'absent') seq++;
    return written === 'written';
  }

  /** INVARIANT: the client's own text is written under `full` alone. */
  function setStatement(record: Record<string, unknown>, entry: DecisionEntry): void {
    if (options.text === 'none') delete record.statement;
    else if (options.text === 'full') record.statement = cut(entry.text);
  }

  /** INVARIANT: no key of a person is written: `keys` is no field of a record. */
  function shownIn(entry: OutcomeEntry): RecordFields['subjects'] {
    return ids && entry.keys ? ids.ofOutcome(entry) : entry.subjects;
  }

  return {
    append: (kind, fields) => append(kind, fields),
    session: (context) => ({
      append(entry) {
        const { principal } = context;
        switch (entry.kind) {
          case 'decision':
            return append('decision', entry, context);
          case 'outcome':
            return append('outcome', {
              ...entry,
              ms: Math.round(entry.ms * 1000) / 1000,
              principal,
              subjects: shownIn(entry),
            });
          case 'seen':
            return !ids || append('seen', { id: entry.id, principal, subjects: ids.ofSeen(entry.keys) });
        }
      },
    }),
    reopen: () => file.reopen(),
    close: () => file.close(),
  };
}

function cut(text: string): string {
  return text.length > FULL_TEXT_CAP ? `${text.slice(0, FULL_TEXT_CAP)}…` : text;
}

/** Where pino writes to. It says nothing of success, so the file's answer is kept until it is asked for. */
class Destination {
  private written: Written = 'absent';

  constructor(private readonly file: LogFile) {}

  write(line: string): void {
    this.written = this.file.write(printable(line));
  }

  take(): Written {
    const { written } = this;
    this.written = 'absent';
    return written;
  }
}
