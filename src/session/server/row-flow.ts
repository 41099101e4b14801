/** The rows of a running statement: each is admitted, or waits, or the statement is cut off. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import { commandComplete } from '../../protocol/command-complete.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import type { Demand } from '../admission/budget-port.ts';
import { isHeldCursor } from '../admission/prepayment.ts';
import { passesCanaries } from '../results/canaries.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution, WriteCost } from '../state/execution.ts';
import { cutOff, cutOutdated, cutUnrecorded, tellBudget } from './cut-off.ts';
import { endUnpaid, mayTellEnd, paysAgain } from './later-windows.ts';
import { changesAreLimitedNow, isCountedAlike, isTaken } from './policy-changes.ts';
import { plain, take } from './take.ts';

/** A DataRow or CopyData of a run's result. @returns whether it may go to the client; where not, it may be asked again: `c.stalled`. */
export function admitRow(c: Conversation, run: Execution, frame: Frame): boolean {
  if (run.cut || c.unheard) return false;
  const rows = isRow(run, frame) ? 1 : 0;
  const bytes = frame.length - HEADER_BYTES;
  if (takeRow(c, run, rows, bytes, frame)) return rows > 0 || !isBinaryCopy(run) || holdEnd(run, frame);
  if (run.cut) cutOff(c, run);
  return false;
}

function takeRow(c: Conversation, run: Execution, rows: number, bytes: number, frame: Frame): boolean {
  if (!isCountedAlike(c, run)) return cutOutdated(run);
  // Before another limit looks at the row: that would tell of it.
  if (isTaken(c, run) && !paysAgain(c, run, 'row')) return endUnpaid(c, run);
  // Nor may a limit of the statement tell of a canary's row without a lock.
  if (rows > 0 && run.verify() && !passesCanaries(c, run, frame)) return false;
  if (!run.fits(rows, bytes)) return false;
  const disclosed = rows > 0 ? run.answer?.in(run, frame) : undefined;
  if (isTaken(c, run) && !take(c, run, disclosed ? { rows, bytes, disclosed } : plain(rows, bytes))) return false;
  if (run.endsAt(rows)) {
    run.cut = moreThanLeft(run.rows);
    return false;
  }
  if (disclosed && !c.records.show(run, disclosed, frame)) return cutUnrecorded(run);
  run.count(rows, bytes);
  return true;
}

/** Of COPY the server sends each row as a message of its own; but a line of names comes first where it was asked for, and binary data ends with one that is empty. */
function isRow({ statement, messages }: Execution, frame: Frame): boolean {
  const { kind } = statement;
  if (kind.kind !== 'copy-out') return true;
  return kind.format.kind === 'binary' ? !isTrailer(frame, messages === 0) : !(kind.format.header && messages === 0);
}

/**
 * A count of fields of -1: alone, or after the header if there is no row. Recognized by its place, never by bytes that a tuple may have as well: the
 * header is 19 bytes, and only the first message has it.
 */
function isTrailer({ bytes, length }: Frame, first: boolean): boolean {
  return length === HEADER_BYTES + (first ? 21 : 2) && bytes.at(-2) === 0xff && bytes.at(-1) === 0xff;
}

/** Of its messages that are no rows: they end its data; of another format they are a line of names. */
function isBinaryCopy({ statement: { kind } }: Execution): boolean {
  return kind.kind === 'copy-out' && kind.format.kind === 'binary';
}

/** INVARIANT 78: that the data of a COPY are over tells that no row was withheld: the client hears it once the end is paid. @returns false: not now. */
export function holdEnd(run: Execution, { bytes }: Frame): false {
  run.copyEnd = [...run.copyEnd, new Uint8Array(bytes)];
  return false;
}

/**
 * The server reports how many rows a statement has changed, or a COPY has stored. @returns whether they may be kept; if not, it may be asked again:
 * `c.stalled`.
 */
export function admitTag(c: Conversation, run: Execution, tag: string): boolean {
  if (run.cut) return false;
  const { input } = run.watch;
  const takesChanges = run.watch.takesChanges === true || changesAreLimitedNow(c, run);
  const changed = rowsChanged(tag, run);
  const demand = demandOf(run, changed);
  const costs = takesChanges && (changed > 0 || demand.disclosed !== undefined);
  // INVARIANT 266: paid before a limit of the statement alone looks at how many rows it has changed.
  const isPaid = mayTellEnd(c, run);
  // Its own count decides, however the data was cut into rows on its way.
  const fits = isPaid && (input === undefined || run.admitInput(changed, run.bytes));
  if (fits && (!costs || take(c, run, demand))) {
    if (tellsAtCommit(run)) c.atCommit = [...c.atCommit.filter((before) => !paysFor(run, before)), run];
    if (!demand.disclosed || c.records.countAsked(run, demand.disclosed)) {
      for (const bytes of run.copyEnd) c.toClient.add(bytes);
      return true;
    }
    cutUnrecorded(run);
  }
  if (run.cut) tellBudget(c, run);
  return false;
}

/** COMMIT tells of one error. */
function paysFor({ disclosures = [], person }: Execution, before: Execution): boolean {
  const subjects = new Set(disclosures.map(({ subject }) => subject));
  return (
    person?.user === before.person?.user && before.disclosures?.every(({ subject }) => subjects.has(subject)) === true
  );
}

function tellsAtCommit({ statement: { kind }, disclosures = [] }: Execution): boolean {
  return isHeldCursor(kind) || disclosures.some(({ canFail }) => canFail === 'at-commit');
}

/** A portal that stops before its end has not reported how many rows it has changed. @returns whether they may be kept. */
export function admitSuspended(run: Execution): boolean {
  // A count that may never come is not acceptable: the client can commit without asking for the rest. So is a changed row of a person who was not
  // seen.
  const { input, takesChanges, check } = run.watch;
  if ((input?.changed !== undefined || takesChanges || check?.changes) && !run.cut) run.cut = suspended();
  return run.cut === undefined;
}

function suspended(): Refusal {
  return refusal('unsupported', '0A000', 'a write with changed rows that are checked cannot return its rows in parts', {
    hint: 'Ask for all of them at once, without a limit or a fetch size.',
  });
}

/** Something else of a run's result, which may pass once it is shown that every column may be read. */
export function verify(c: Conversation, run: Execution): boolean {
  const before = run.cut;
  if (run.verify()) return true;
  if (before === undefined) cutOff(c, run);
  return false;
}

/** Rows that are put into a temporary table leave the guard's sight as those do that the client gets: they count as shown. */
function demandOf({ statement, changes, watch: { fills, writes } }: Execution, changed: number): Demand {
  let disclosed = changes;
  for (const { subject, row, once } of writes ?? NO_COSTS) {
    const values = row * changed + once;
    if (values > 0) disclosed = [...disclosed, { subject, keys: [], values }];
  }
  const isMove = statement.command === 'MOVE';
  // Not spread: it is made for each statement, and V8 keeps a new shape of each spread object.
  return {
    rows: fills && !isMove ? changed : undefined,
    changed: fills || isMove ? undefined : changed,
    disclosed: disclosed.length > 0 ? disclosed : undefined,
  };
}

const NO_COSTS: readonly WriteCost[] = [];

function moreThanLeft(rows: number): Refusal {
  return refusal('limit-window', '53400', `statement returns more than the ${rows} rows that were left when it began`, {
    hint: 'Run it again: by now there may be more.',
  });
}

/** The tag of the client's SHOW ALL, which the server is sent as a query; undefined where its own is the client's. */
export function shownTag({ statement }: Execution, tag: string): Uint8Array | undefined {
  return statement.command === 'SHOW' && tag !== 'SHOW' ? commandComplete('SHOW') : undefined;
}

/** @returns whether the client was told another tag than the server's. */
export function tellTag(c: Conversation, run: Execution, tag: string): boolean {
  const shown = shownTag(run, tag);
  if (shown) c.toClient.add(shown);
  return shown !== undefined;
}

/** Rows that a command changed, by its tag: `INSERT 0 5`, `UPDATE 5`, `MERGE 5`, `COPY 5` of data that came in. */
export function rowsChanged(tag: string, run: Execution): number {
  if (run.statement.kind.kind === 'read') return 0;
  const [command] = tag.split(' ', 1);
  const changes = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE';
  if (!changes && !(command === 'COPY' && run.statement.kind.kind === 'copy-in')) return 0;
  return numberIn(tag);
}

function numberIn(tag: string): number {
  return Number(tag.slice(tag.lastIndexOf(' ') + 1)) || 0;
}
