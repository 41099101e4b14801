/** The rows of a running statement: each is admitted, or waits, or the statement is cut off. */
import { type Refusal, refusal } from '../errors.ts';
import type { PeopleOfRow, StatementJudgement } from '../guard/decision.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { HEADER_BYTES } from '../wire/message-cursor.ts';
import { cancelledByUser } from './admission.ts';
import type { Account, Demand } from './budget.ts';
import { isByPolicy } from './by-policy.ts';
import { passesCanaries } from './canaries.ts';
import type { Conversation } from './conversation.ts';
import type { SessionPolicy } from './ports.ts';
import { notRecorded } from './records.ts';
import { refusalResponse } from './refusal-response.ts';
import type { Run } from './run.ts';

/** A DataRow or CopyData of a run's result. @returns whether it may go to the client; where not, it may be asked again: `c.stalled`. */
export function admitRow(c: Conversation, run: Run, frame: Frame): boolean {
  if (run.cut || c.unheard) return false;
  const rows = isRow(run, frame) ? 1 : 0;
  const bytes = frame.length - HEADER_BYTES;
  if (run.fits(rows, bytes) && takeRow(c, run, rows, bytes, frame)) return true;
  if (run.cut) cutOff(c, run);
  return false;
}

function takeRow(c: Conversation, run: Run, rows: number, bytes: number, frame: Frame): boolean {
  const people = rows > 0 ? run.shows?.in(run, frame) : undefined;
  if (rows > 0 && !passesCanaries(c, run, frame)) return false;
  if (run.watch.taken && !take(c, run, people ? { rows, bytes, people } : plain(rows, bytes))) return false;
  if (run.endsAt(rows)) {
    run.cut = moreThanLeft(run.rows);
    return false;
  }
  if (people && !c.records.show(run, people)) {
    run.cut = notRecorded();
    run.cutByBudget = true;
    return false;
  }
  run.count(rows, bytes);
  return true;
}

/** Of COPY the server sends each row as a message of its own; but a line of names comes first where it was asked for, and binary data ends with one that is empty. */
function isRow({ statement, messages }: Run, frame: Frame): boolean {
  const { kind } = statement;
  if (kind.kind !== 'copy-out') return true;
  return kind.format.kind === 'binary' ? !isTrailer(frame, messages === 0) : !(kind.format.header && messages === 0);
}

/**
 * A count of fields of -1: alone, or behind the header where there is no row at all. INVARIANT: told by its place, never by bytes that
 * a tuple may have as well: the header is 19 bytes, and stands in the first message alone.
 */
function isTrailer({ bytes, length }: Frame, first: boolean): boolean {
  return length === HEADER_BYTES + (first ? 21 : 2) && bytes.at(-2) === 0xff && bytes.at(-1) === 0xff;
}

/**
 * The server says how many rows a statement has changed, or a COPY brought in. @returns whether it may stand; where not, it may be asked
 * again: `c.stalled`.
 */
export function admitTag(c: Conversation, run: Run, tag: string): boolean {
  // INVARIANT: how many rows a MOVE would have shown may be a value of somebody, as a row may that counts them.
  const moved = run.statement.command === 'MOVE' && numberIn(tag) > 0;
  return admitChanged(c, run, moved ? 1 : rowsChanged(tag, run));
}

function admitChanged(c: Conversation, run: Run, changed: number): boolean {
  if (run.cut) return false;
  const { input, takesChanges } = run.watch;
  // INVARIANT: its own count decides, however the data was cut into rows on its way.
  const fits = input === undefined || run.admitInput(changed, run.bytes);
  const demand = demandOf(run, changed);
  if (fits && (!takesChanges || changed === 0 || take(c, run, demand))) {
    if (demand.people) run.countPeople(demand.people);
    return true;
  }
  if (run.cut) tellBudget(c, run);
  return false;
}

/** A portal that stops before its end has not said how many rows it has changed. @returns whether it may stand. */
export function admitSuspended(run: Run): boolean {
  // INVARIANT: a count that may never come is one too many: the client can commit without asking for the rest.
  // So is a row of somebody whom it changes, and who is not seen.
  const { input, takesChanges, check } = run.watch;
  if ((input?.changed !== undefined || takesChanges || check?.changes) && !run.cut) run.cut = suspended();
  return run.cut === undefined;
}

function suspended(): Refusal {
  return refusal('unsupported', '0A000', 'a write whose changed rows are looked at cannot return its rows in parts', {
    hint: 'Ask for all of them at once, without a limit or a fetch size.',
  });
}

/** Something else of a run's result, which may pass once it is shown that every column may be read. */
export function verify(c: Conversation, run: Run): boolean {
  const before = run.cut;
  if (run.verify()) return true;
  if (before === undefined) cutOff(c, run);
  return false;
}

/** Reads on where the server stops by itself; else asks it to stop. Over anything but the rows it may have much more to send, bounded or not. */
function cutOff(c: Conversation, run: Run): void {
  tellBudget(c, run);
  const goesOn = run.cut?.reason === 'limit-bytes' || (run.cutByBudget && !run.endsAt(1));
  if (run.bounded && !goesOn) return;
  if (c.ports.pooling === undefined) {
    c.cancel();
    return;
  }
  // INVARIANT: a cancel that goes through a pooler may hit what another client runs next on that connection; so none is sent.
  c.records.end(run, 'cut', { sqlstate: run.cut!.sqlstate });
  c.end(run.cut);
}

/** What was cut off counts towards a lock. INVARIANT: as soon as it is, whether or not the client stays to be told. */
export function tellBudget(c: Conversation, { cut, policy, cutByBudget, reached, person }: Run): void {
  if (cut && isByPolicy(cut.reason)) c.ports.budget.event(policy, 'refusal', person?.user);
  else if (reached || (!cutByBudget && isOfLimit(cut))) c.ports.budget.event(policy, 'overrun', person?.user, reached);
}

function isOfLimit(cut: Refusal | undefined): boolean {
  return cut?.reason === 'limit-rows' || cut?.reason === 'limit-bytes' || cut?.reason === 'limit-changed';
}

/** The client cancels a run that waits for the budget: nothing more of it is shown. @returns whether there was one. */
export function cancelStalled(c: Conversation): boolean {
  const run = c.stalled;
  if (!run) return false;
  c.goOn();
  run.cut = cancelledByUser();
  // INVARIANT: a cancel that goes through a pooler may hit what another client runs next on that connection; the client's own goes as it came.
  if (c.ports.pooling === undefined) c.cancel();
  return true;
}

/** Tells the client why it sees no more of a statement; the only error that it sees of it. */
export function tellCut(c: Conversation, run: Run): void {
  c.toClient.add(refusalResponse(run.cut!, run.id));
  c.records.end(run, 'cut', { sqlstate: run.cut!.sqlstate });
}

/** One for all rows of which no more is counted: whoever is asked keeps none of it. */
const ROW: { rows: number; bytes: number } = { rows: 0, bytes: 0 };

function plain(rows: number, bytes: number): Demand {
  ROW.rows = rows;
  ROW.bytes = bytes;
  return ROW;
}

/** The demand itself where nothing is to be said of who pays: the principal's windows do. */
function paidBy(demand: Demand, account: Account | undefined, user: string | undefined): Demand {
  if (account === undefined && user === undefined) return demand;
  return { ...demand, ...(account !== undefined && { account }), ...(user !== undefined && { user }) };
}

/** Takes from the budget. @returns whether all of it was granted; where not, the run is cut, or the server's side is stalled. */
function take(c: Conversation, run: Run, demand: Demand): boolean {
  const { account } = run.watch;
  c.asked = true;
  const answer = c.ports.budget.take(run.policy, paidBy(demand, account, run.person?.user));
  switch (answer.kind) {
    case 'taken':
      c.tell(answer.warnings);
      return true;
    case 'wait':
      c.stall(run);
      return false;
    case 'over':
      run.reached = answer.limit;
      break;
    case 'refused':
  }
  run.cut = answer.refusal;
  run.cutByBudget = true;
  return false;
}

/**
 * Rows that are put into a temporary table leave the guard's sight as those do that the client gets. INVARIANT: so do the people in them, whom
 * nothing names once they are there: the table is about nobody. In another table those whom the judgement names are as nameless.
 */
function demandOf({ statement, watch: { fills, moves }, policy }: Run, changed: number): Demand {
  const each = fills ? peopleOfEach(fills, policy) : (moves ?? []).map(inEach);
  const people = each.map(({ subject, each: count }) => ({ subject, keys: [], unnamed: count * changed }));
  if (statement.command === 'MOVE') return { people };
  return { ...(fills ? { rows: changed } : { changed }), ...(people.length > 0 && { people }) };
}

function inEach({ subject, ways, unnamed }: PeopleOfRow): { readonly subject: string; readonly each: number } {
  return { subject, each: ways.length + unnamed };
}

/** Where the judgement says nothing, each table that it reads is about one person in each row. */
function peopleOfEach(
  { people, tables }: StatementJudgement,
  { role, subjectKeys }: SessionPolicy,
): readonly { readonly subject: string; readonly each: number }[] {
  if (people) return people.map(inEach);
  return [...(subjectKeys ?? [])].flatMap(([oid, columns]) => {
    const { schema, name } = role.relations.get(oid)?.relation ?? {};
    const subjects = tables.includes(`${schema}.${name}`) ? new Set([...columns.values()].flat()) : [];
    return [...subjects].map((subject) => ({ subject, each: 1 }));
  });
}

function moreThanLeft(rows: number): Refusal {
  return refusal('limit-window', '53400', `statement returns more than the ${rows} rows that were left when it began`, {
    hint: 'Run it again: by now there may be more.',
  });
}

/** Rows that a command changed, by its tag: `INSERT 0 5`, `UPDATE 5`, `MERGE 5`, `COPY 5` of data that came in. */
export function rowsChanged(tag: string, run: Run): number {
  if (run.statement.kind.kind === 'read') return 0;
  const [command] = tag.split(' ', 1);
  const changes = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE';
  if (!changes && !(command === 'COPY' && run.statement.kind.kind === 'copy-in')) return 0;
  return numberIn(tag);
}

function numberIn(tag: string): number {
  return Number(tag.slice(tag.lastIndexOf(' ') + 1)) || 0;
}
