/** Compares the statements that the server ran in a session with the decisions there: each has its own decision before it, in order. */

/** A statement that carries a number of its own, or the error that the guard has the server make for one that it refused. */
const MARKER = /(?<!\d)7\d{8}(?!\d)/g;
const REFUSED = /^SELECT "rowgate_([0-9A-HJKMNP-TV-Z]{26})"$/;

/** Something ran, or was decided: `key` is the statement's number, or the id of a refusal. */
export interface Event {
  /** Milliseconds. */
  readonly time: number;
  readonly key: string;
}

export interface Decided {
  readonly id: string;
  readonly time: number;
  /** The client's message: of several statements each has a decision with all of it. */
  readonly text: string;
  readonly refused: boolean;
}

/** Each number once, in order: a cursor may have it in its name as well. */
function markersOf(text: string): string[] {
  return [...new Set(text.match(MARKER))];
}

/** The statements that an entry of the server's log runs; empty if no client's. */
export function runBy({ text, time }: { readonly text: string; readonly time: number }): Event[] {
  const [, refused] = REFUSED.exec(text) ?? [];
  const keys = refused === undefined ? markersOf(text) : [refused];
  return keys.map((key) => ({ time, key }));
}

/** By the guard's error for what it refused: nothing of the client's runs then. */
export function isRefusal({ key }: Event): boolean {
  return !/^7\d{8}$/.test(key);
}

/** A message of several statements is sent once, so its decisions are those of its numbers, in turn. */
export function decidedBy(decisions: readonly Decided[]): Event[] {
  const times = new Map<string, number>();
  return decisions.map(({ id, time, text, refused }) => {
    if (refused) return { time, key: id };
    const markers = markersOf(text);
    const nth = times.get(text) ?? 0;
    times.set(text, nth + 1);
    return { time, key: markers[nth % markers.length] ?? '' };
  });
}

/** The statements that ran without a decision, in words. A decision may lack its run: an error or a kill came before. */
export function undecided(run: readonly Event[], decided: readonly Event[]): string[] {
  let next = 0;
  return run.flatMap(({ key, time }) => {
    const at = decided.findIndex((one, i) => i >= next && one.key === key);
    const found = decided[at];
    if (!found) return [`${key} ran and has no decision left in its place`];
    next = at + 1;
    if (found.time <= time) return [];
    return [`${key} ran ${found.time - time} ms before its decision`];
  });
}
