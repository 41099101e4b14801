/** Compares all that the server ran for the guard's account with all that the guard decided, session by session. */
import { type Decided, decidedBy, type Event, isRefusal, runBy, undecided } from './matching.ts';
import type { Logged } from './server-log.ts';

/** The statements of the guard's own connections, which serve no client. */
const OWN_APPLICATION = 'rowgate';

export interface BothLogs {
  readonly logged: readonly Logged[];
  /** By application, which is another one for each session. */
  readonly decisions: ReadonlyMap<string, readonly Decided[]>;
  /** Texts of the guard's own. */
  readonly own: { readonly elsewhere: ReadonlySet<string>; readonly inSessions: ReadonlySet<string> };
  /** While the log was, in milliseconds: what was refused then may have no record. */
  readonly unwritable: readonly (readonly [from: number, until: number])[];
}

export interface Compared {
  /** The statements that the server ran without an earlier decision, in words. */
  readonly problems: readonly string[];
  readonly ran: number;
  /** The number of refusals among them. */
  readonly refused: number;
}

export function compare({ logged, decisions, own, unwritable }: BothLogs): Compared {
  const sessions = new Map<string, { pid: number; ran: Event[] }>();
  const problems: string[] = [];
  for (const entry of logged) {
    const { application, pid, text } = entry;
    if (application === OWN_APPLICATION) {
      if (!own.elsewhere.has(text)) problems.push(`asked by the guard itself: ${text}`);
      continue;
    }
    const session = sessions.get(application) ?? { pid, ran: [] };
    sessions.set(application, session);
    if (session.pid !== pid) problems.push(`${application} has two processes`);
    const events = runBy(entry);
    if (events.length === 0 && !own.inSessions.has(text)) problems.push(`without a decision: ${text}`);
    session.ran.push(...events);
  }
  for (const [application, { ran }] of sessions) {
    const decided = decidedBy(decisions.get(application) ?? []);
    const recorded = new Set(decided.map(({ key }) => key));
    const excused = (event: Event): boolean =>
      isRefusal(event) &&
      !recorded.has(event.key) &&
      unwritable.some(([from, until]) => event.time >= from && event.time <= until);
    const due = ran.filter((event) => !excused(event));
    problems.push(...undecided(due, decided).map((problem) => `${application}: ${problem}`));
  }
  const all = [...sessions.values()].flatMap(({ ran }) => ran);
  return { problems, ran: all.length, refused: all.filter(isRefusal).length };
}
