/** The rows of a running statement: each is admitted, or waits, or the statement is cut off. */
import { REASONS } from '../../core/reasons.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import { commandComplete } from '../../protocol/command-complete.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import { cancelledByUser } from '../admission/admission.ts';
import type { Demand, Disclosed, PayingAccount } from '../admission/budget-port.ts';
import { limitedOverTime } from '../admission/limits-over-time.ts';
import { isHeldCursor } from '../admission/prepayment.ts';
import { refusalResponse } from '../client/refusal-response.ts';
import { notRecorded } from '../recorder.ts';
import { passesAskedCanaries, passesCanaries } from '../results/canaries.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution, WriteCost } from '../state/execution.ts';

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

/** INVARIANT 160: whether its rows are taken from the budget: also where a limit on them has begun since it was judged, by the time or a new policy. */
export function isTaken({ ports }: Conversation, { watch, policy }: Execution): boolean {
  if (watch.taken) return true;
  const now = ports.policy();
  return now !== undefined && now !== policy && now.role.mode === 'enforce' && limitedOverTime(now).shown;
}

/**
 * INVARIANT 254: whether the people that the policy limits now had the same name and keys when it was judged: what it shows of others would count nowhere.
 * Nor would what runs for no end user, where each one is limited since.
 */
export function isCountedAlike({ ports }: Conversation, { policy: { role }, person }: Execution): boolean {
  const now = ports.policy()?.role;
  if (now?.mode !== 'enforce') return true;
  if (now.limitsPerUser && !role.limitsPerUser && !person) return false;
  if (now.subjects === role.subjects) return true;
  const limited = now.subjects?.filter(({ name }) => now.limitedSubjects?.has(name)) ?? [];
  return limited.every(({ name, keys }) => {
    const before = role.subjects?.find((one) => one.name === name)?.keys ?? [];
    return keys.every(({ relation, column }) =>
      before.some((key) => key.relation.oid === relation.oid && key.column.attnum === column.attnum),
    );
  });
}

/** INVARIANT 179: whether a new policy limits what it changes, or stores of others, where none did when it was sent. */
export function changesAreLimitedNow(
  { ports }: Conversation,
  { watch, policy, statement: { kind } }: Execution,
): boolean {
  const now = ports.policy();
  if (!now || now === policy || now.role.mode !== 'enforce' || watch.takesChanges) return false;
  if (kind.kind === 'write' && kind.temporary === 'own') return false;
  const limited = limitedOverTime(now);
  return limited.changed || ((watch.writes?.length ?? 0) > 0 && limited.shown);
}

/**
 * INVARIANT 234: people who were counted before the statement ran are counted again where more of it is told a second later: a client may have let it wait
 * until the windows had forgotten them. Those who are counted cost nothing. Nor does a place pay for rows of known people, or for an end, once its window has
 * ended: the rows of a portal that is left, or of a connection that is lost, have no other end. @returns as `take`.
 */
function paysAgain(c: Conversation, run: Execution, tells: 'row' | 'end'): boolean {
  const { charges } = run;
  if (!charges || (tells === 'row' && !charges.isOld)) return true;
  const disclosed = owedAgain(run, tells);
  if (disclosed.length > 0 && !take(c, run, { disclosed })) return false;
  if (charges.isOld || disclosed.length > 0) charges.renew(tells);
  return true;
}

const NO_KEYS: readonly string[] = [];
const NOTHING: readonly Disclosed[] = [];

function owedAgain({ charges, prepaid = [], watch, person }: Execution, tells: 'row' | 'end'): readonly Disclosed[] {
  // A permit has no windows, but an end user has, beside it.
  if (!charges || (watch.account !== undefined && !person)) return NOTHING;
  return prepaid.flatMap(({ subject, keys, pinned }) => {
    const values = !(pinned && tells === 'row') && charges.isPast(subject, tells) ? 1 : 0;
    const named = charges.isOld ? keys : NO_KEYS;
    return named.length + values > 0 ? { subject, keys: named, values } : [];
  });
}

/**
 * INVARIANT 267: whether a change stays is told to other sessions by what it leaves behind, heard here or not. While what decides that runs, and until COMMIT,
 * it is paid again in each later window. Where nothing is left the session ends, and nothing of it stays. Called every half a second.
 */
export function keepPaid(c: Conversation): void {
  for (const run of [...c.records.running(), ...c.atCommit]) {
    const disclosed = owedAgain(run, 'end');
    if (run.cut || !disclosed.some(({ values }) => values > 0)) continue;
    const answer = ask(c, run, { disclosed });
    // The next look asks again.
    if (answer === 'wait') continue;
    if (answer !== 'taken') {
      tellBudget(c, run);
      if (c.pending.length > 0 && c.ports.pooling === undefined) c.cancel();
      leave(c, run, answer);
      return;
    }
    run.charges?.renew('end');
  }
}

/**
 * The same of how it ends, by an error too: it is to be paid by what was set aside, and no canary was asked for. @returns whether the client may be told;
 * where not, it may be asked again: `c.stalled`.
 */
export function mayTellEnd(c: Conversation, run: Execution): boolean {
  if (!passesAskedCanaries(c, run)) return false;
  if (!run.charges || c.unheard) return true;
  if (isCountedAlike(c, run)) return paysAgain(c, run, 'end') || endUnpaid(c, run);
  cutOutdated(run);
  // As `cutOff` does for a row.
  return c.ports.pooling !== undefined && endUnpaid(c, run);
}

/**
 * INVARIANT 265: what COMMIT reads is told by its answer, or by that of a Sync, and it was paid when it was asked: it is paid again where that window has ended.
 * Where nothing is left neither is told: the session ends. @returns as `mayTellEnd`.
 */
export function mayTellCommit(c: Conversation): boolean {
  if (c.unheard) return true;
  for (const run of c.atCommit) {
    if (isCountedAlike(c, run) ? paysAgain(c, run, 'end') : cutOutdated(run)) continue;
    if (run.cut) c.end(run.cut);
    return false;
  }
  return true;
}

/** INVARIANT 78: a row that is not paid ends the session, and so does an end: that it goes on, or ends by a timeout, would tell that a row came, or none. */
function endUnpaid(c: Conversation, run: Execution): false {
  if (run.cut) leave(c, run, run.cut);
  return false;
}

function cutUnrecorded(run: Execution): false {
  return cutBy(run, notRecorded());
}

function cutOutdated(run: Execution): false {
  return cutBy(
    run,
    refusal('unsupported', '0A000', 'the policy has changed what it may show', { hint: 'Run it again.' }),
  );
}

function cutBy(run: Execution, why: Refusal): false {
  run.cut = why;
  run.cutByBudget = true;
  return false;
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

/** Reads on where the server stops by itself; else asks it to stop. Over anything but the rows it may have much more to send, bounded or not. */
function cutOff(c: Conversation, run: Execution): void {
  tellBudget(c, run);
  if (c.closed) return;
  const goesOn = run.cut?.reason === 'limit-bytes' || (run.cutByBudget && !run.endsAt(1));
  if (run.bounded && !goesOn) return;
  if (c.ports.pooling === undefined) {
    c.cancel();
    return;
  }
  leave(c, run, run.cut!);
}

/** A cancel through a pooler may hit another client's next statement on that connection: none is sent. */
function leave(c: Conversation, run: Execution, cut: Refusal): void {
  c.records.end(run, 'cut', { sqlstate: cut.sqlstate });
  c.end(cut);
}

/** A result that was cut off counts towards a lock, at once, whether or not the client stays to read the error. */
export function tellBudget(c: Conversation, { cut, policy, cutByBudget, reached, person }: Execution): void {
  if (cut && REASONS[cut.reason].countsTowardsLock) c.ports.budget.event(policy, 'refusal', person?.user);
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
  // A cancel through a pooler may hit another client's next statement on that connection; the client's own is passed on unchanged.
  if (c.ports.pooling === undefined) c.cancel();
  return true;
}

/** Tells the client why it sees no more of a statement; the only error that it sees of it. */
export function tellCut(c: Conversation, run: Execution): void {
  c.toClient.add(refusalResponse(run.cut!, run.id));
  c.records.end(run, 'cut', { sqlstate: run.cut!.sqlstate });
}

/** One object for all rows that are only counted: callers must not keep it. */
const ROW: { rows: number; bytes: number } = { rows: 0, bytes: 0 };

function plain(rows: number, bytes: number): Demand {
  ROW.rows = rows;
  ROW.bytes = bytes;
  return ROW;
}

/** The demand itself where nothing is to be said of who pays: the principal's windows do. */
function paidBy({ charges, person }: Execution, demand: Demand, account: PayingAccount | undefined): Demand {
  const user = person?.user;
  if (account === undefined && user === undefined && charges === undefined) return demand;
  const { rows, bytes, changed, disclosed } = demand;
  // Each member by its name: with a spread V8 makes a new hidden class for each such object, and keeps it.
  return { rows, bytes, changed, disclosed, charges, account, user };
}

/** Takes from the budget. @returns whether all of it was granted; where not, the run is cut, or the server's side is stalled. */
function take(c: Conversation, run: Execution, demand: Demand): boolean {
  const answer = ask(c, run, demand);
  if (answer === 'wait') c.stall(run);
  return answer === 'taken';
}

/** @returns why not all of it was granted: the run is cut. */
function ask(c: Conversation, run: Execution, demand: Demand): 'taken' | 'wait' | Refusal {
  const { account } = run.watch;
  c.asked = true;
  const answer = c.ports.budget.take(run.policy, paidBy(run, demand, account));
  switch (answer.kind) {
    case 'taken':
      c.tell(answer.warnings);
      return 'taken';
    case 'wait':
      return 'wait';
    case 'over':
      run.reached = answer.limit;
      break;
    case 'refused':
  }
  run.cut = answer.refusal;
  run.cutByBudget = true;
  return answer.refusal;
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
