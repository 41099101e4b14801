/**
 * What the server may answer to one statement (manual, "Message Flow" and "COPY Operations"). INVARIANT 55: whatever breaks this ends the session before the
 * client sees it: rows that nothing described would be counted and verified by the description of others.
 */
import type { StatementJudgement, StatementKind } from '../../guard/decision.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { uint16At } from '../../protocol/integers.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import { Backend } from '../../protocol/message-types.ts';
import { ProtocolError, unexpectedMessage } from '../../protocol/protocol-error.ts';

/** From a RowDescription: `none` if the server said NoData, undefined if it was not asked. */
export type Described = number | 'none' | undefined;

export class AnswerGrammar {
  /** Of each row, by the RowDescription of a Query; of an Execute that was not described, by its first row. */
  private fields: number | undefined;
  private copy: 'before' | 'data' | 'behind' = 'before';

  /** @param restricted the role sees no rows that a rule adds. */
  constructor(
    private readonly statement: StatementJudgement,
    private readonly restricted: boolean,
  ) {}

  /** A RowDescription that answers a Query. */
  description(frame: Frame): void {
    if (!givesRows(this.statement) && !this.maySelectByRule) throw unexpectedMessage();
    if (this.fields !== undefined && !this.maySelectByRule) throw unexpectedMessage();
    this.fields = countIn(frame.bytes, 0, frame.length);
  }

  /** A DataRow that answers a Query. */
  row(frame: Frame): void {
    if (this.fields === undefined) throw new ProtocolError('server sent a row before its description');
    if (countIn(frame.bytes, 0, frame.length) !== this.fields) throw otherFields();
  }

  /** A DataRow that answers an Execute, after `before` others. @param most so many rows were asked for; 0: all. */
  rowOfPortal(frame: Frame, described: Described, before: number, most: number): void {
    if (!givesRows(this.statement) || described === 'none') throw unexpectedMessage();
    if (most > 0 && before >= most) throw new ProtocolError('server sent more rows than were asked for');
    const fields = countIn(frame.bytes, 0, frame.length);
    this.fields ??= fields;
    if (fields !== (described ?? this.fields)) throw otherFields();
  }

  /**
   * For adjacent messages of this type. @returns how many fields each must have, -1 if they have no count; undefined if they must be examined one by
   * one.
   */
  fieldsOfMany(type: number, described: Described): number | undefined {
    if (type === Backend.CopyData) return this.copy === 'data' && this.kind === 'copy-out' ? -1 : undefined;
    if (!givesRows(this.statement) && !this.maySelectByRule) return undefined;
    return described === 'none' ? undefined : (described ?? this.fields);
  }

  /** CopyOutResponse or CopyInResponse. */
  beginsCopy(type: number): void {
    const expected = type === Backend.CopyOutResponse ? 'copy-out' : 'copy-in';
    if (this.kind !== expected || this.copy !== 'before') throw unexpectedMessage();
    this.copy = 'data';
  }

  /** CopyData or CopyDone of the server's. */
  copyOut(type: number): void {
    if (this.kind !== 'copy-out' || this.copy !== 'data') throw unexpectedMessage();
    if (type === Backend.CopyDone) this.copy = 'behind';
  }

  /** CommandComplete. @param client of a COPY: whether it still sends data. */
  complete(tag: string, client: 'data' | 'ended' | undefined): void {
    const copied = this.kind === 'copy-out' ? this.copy === 'behind' : client === 'ended';
    if ((this.kind === 'copy-out' || this.kind === 'copy-in') && !copied) throw unexpectedMessage();
    if (!fits(tag, this.statement)) throw new ProtocolError('server completed another command');
  }

  /** PortalSuspended after so many rows. @param most so many were asked for; 0: all. */
  suspended(rows: number, most: number): void {
    if (most === 0 || rows !== most || !givesRows(this.statement)) throw unexpectedMessage();
  }

  private get kind(): StatementKind['kind'] {
    return this.statement.kind.kind;
  }

  /** A rule may add results to a write that returns none. For a restricted role they are removed before (`Watch.rowless`). */
  private get maySelectByRule(): boolean {
    const { kind } = this.statement;
    return !this.restricted && ((kind.kind === 'write' && !kind.returning) || kind.kind === 'execute');
  }
}

/** The two bytes after the header. @param start of the message, which has so many bytes. */
export function countIn(bytes: Uint8Array, start: number, length: number): number {
  if (length < HEADER_BYTES + 2) throw new ProtocolError('server sent a message without a count of fields');
  return uint16At(bytes, start + HEADER_BYTES);
}

function givesRows({ kind, command }: StatementJudgement): boolean {
  switch (kind.kind) {
    case 'read':
    case 'fetch':
    case 'execute':
    case 'explain':
    case 'other':
      return true;
    case 'write':
      return kind.returning;
    case 'set':
      return command === 'SHOW' || command === 'SELECT';
    case 'transaction':
    case 'prepare':
    case 'deallocate':
    case 'declare':
    case 'close':
    case 'discard':
    case 'copy-out':
    case 'copy-in':
    case 'listen':
    case 'temporary':
      return false;
  }
}

/** Of commands that tell how many rows they were. */
const WITH_ROWS: Readonly<Record<string, RegExp>> = {
  SELECT: /^SELECT \d+$/,
  INSERT: /^INSERT \d+ \d+$/,
  UPDATE: /^UPDATE \d+$/,
  DELETE: /^DELETE \d+$/,
  MERGE: /^MERGE \d+$/,
};

const PREPARED = Object.values(WITH_ROWS);

/** Does the tag say that this command is complete? A write that a rule replaces keeps its own tag. */
function fits(tag: string, { kind, command }: StatementJudgement): boolean {
  switch (kind.kind) {
    case 'read':
      return WITH_ROWS.SELECT!.test(tag);
    case 'write':
      return WITH_ROWS[command]?.test(tag) === true;
    case 'execute':
      return PREPARED.some((form) => form.test(tag));
    case 'fetch':
      return /^(FETCH|MOVE) \d+$/.test(tag);
    case 'copy-out':
    case 'copy-in':
      return /^COPY \d+$/.test(tag);
    case 'transaction':
      return CONTROL[kind.action].test(tag);
    case 'set':
      return /^(SET|RESET|SHOW|SELECT \d+)$/.test(tag);
    case 'prepare':
      return tag === 'PREPARE';
    case 'deallocate':
      return /^DEALLOCATE( ALL)?$/.test(tag);
    case 'declare':
      return tag === 'DECLARE CURSOR';
    case 'close':
      return /^CLOSE CURSOR( ALL)?$/.test(tag);
    case 'discard':
      return /^DISCARD /.test(tag);
    case 'listen':
      return /^(LISTEN|UNLISTEN|NOTIFY)$/.test(tag);
    case 'temporary':
      return /^(CREATE|DROP|TRUNCATE) TABLE$/.test(tag);
    case 'explain':
      return tag === 'EXPLAIN';
    case 'other':
      return true;
  }
}

type Action = Extract<StatementKind, { kind: 'transaction' }>['action'];

/** COMMIT and PREPARE TRANSACTION of a failed transaction roll back. */
const CONTROL: Readonly<Record<Action, RegExp>> = {
  begin: /^(BEGIN|START TRANSACTION)$/,
  commit: /^(COMMIT|ROLLBACK)$/,
  rollback: /^ROLLBACK$/,
  savepoint: /^SAVEPOINT$/,
  release: /^RELEASE$/,
  'rollback-to': /^ROLLBACK$/,
  prepared: /^(PREPARE TRANSACTION|ROLLBACK|(COMMIT|ROLLBACK) PREPARED)$/,
};

function otherFields(): ProtocolError {
  return new ProtocolError('server sent a row of other columns than were described');
}
