/** A fake server that answers any messages as PostgreSQL might, fast enough for millions of conversations. It checks what it is sent: that is what fuzzing looks for. */
import { errorResponse } from '../../src/protocol/error-response.ts';
import { CLIENT_LIMITS, type Frame, FrameReader } from '../../src/protocol/frame-reader.ts';
import { Backend, Frontend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { decodeParse } from '../../src/protocol/parse.ts';
import { decodeQuery } from '../../src/protocol/query.ts';
import { readyForQuery, type TransactionStatus } from '../../src/protocol/ready-for-query.ts';

const plain = (type: number, body: Uint8Array = new Uint8Array(0)) => new MessageWriter(type).bytes(body).finish();
const complete = (tag: string) => new MessageWriter(Backend.CommandComplete).string(tag).finish();
const ROW = plain(Backend.DataRow, Buffer.from([0, 1, 0, 0, 0, 1, 0x31]));
const COLUMNS = new MessageWriter(Backend.RowDescription)
  .int16(1)
  .string('c')
  .int32(0)
  .int16(0)
  .int32(23)
  .int16(4)
  .int32(-1)
  .int16(0)
  .finish();
const COPY = Buffer.from([0, 0, 0]);

function error(sqlstate: string, message: string): Buffer {
  return errorResponse(
    new Map([
      ['S', 'ERROR'],
      ['V', 'ERROR'],
      ['C', sqlstate],
      ['M', message],
    ]),
  );
}

/** Marks in a text, as `policyOf` reads them. */
function wordsOf(text: string): string[] {
  return text
    .replaceAll(/\/\*.*?\*\//g, ' ')
    .trim()
    .toLowerCase()
    .split(/\s+/);
}

function readsData(text: string): boolean {
  const words = wordsOf(text);
  return words[0] === 'copy' && words.includes('stdin');
}

/** @param first of the text's words. */
function tagOf(first: string, second: string): string {
  switch (first) {
    case 'SELECT':
    case 'EXECUTE':
      return 'SELECT 1';
    case 'INSERT':
      return 'INSERT 0 1';
    case 'UPDATE':
    case 'DELETE':
    case 'FETCH':
    case 'COPY':
      return `${first} 1`;
    case 'DECLARE':
    case 'CLOSE':
      return `${first} CURSOR`;
    case 'DISCARD':
      return `DISCARD ${second}`;
    default:
      return first;
  }
}

export class FakeServer {
  /** Every text that it was asked to parse or run. */
  readonly texts: string[] = [];
  status: TransactionStatus = 'I';
  ended = false;
  private readonly reader = new FrameReader(CLIENT_LIMITS);
  private readonly statements = new Map<string, string>();
  private readonly portals = new Map<string, string>();
  private skipping = false;
  private copy: 'by query' | 'by execute' | undefined;
  /** For a Query: the statements that follow its COPY. */
  private behindCopy: readonly string[] = [];
  /** A timeout has struck at the end of a statement: it is told of in the place of the next message. */
  private timedOut = false;

  /** @param strict what it says arrives as it was said: so nothing can come that has no place. */
  constructor(private readonly strict: boolean) {}

  /** @returns its answers. Throws where what came is no message. */
  push(bytes: Uint8Array): Buffer {
    this.reader.push(Uint8Array.from(bytes));
    const answers: Uint8Array[] = [];
    for (let frame = this.reader.next(); frame; frame = this.reader.next())
      if (frame.last) answers.push(...this.answer(frame));
    return Buffer.concat(answers);
  }

  private answer(frame: Frame): Uint8Array[] {
    if (this.ended) return [];
    if (this.copy) return this.inCopy(frame);
    if (this.skipping && frame.type !== Frontend.Sync && frame.type !== Frontend.Terminate) return [];
    if (this.timedOut && frame.type !== Frontend.Terminate) return this.late(frame);
    switch (frame.type) {
      case Frontend.Query:
        return this.query(decodeQuery(frame.bytes));
      case Frontend.Parse: {
        const { name, text } = decodeParse(frame.bytes);
        this.texts.push(text);
        const fails = this.whyNot(text);
        if (fails) return this.fail(fails);
        this.statements.set(name, text);
        return [plain(Backend.ParseComplete)];
      }
      case Frontend.Bind:
        return this.bind(frame);
      case Frontend.Describe:
        return [
          ...(frame.bytes[5] === 0x53 ? [plain(Backend.ParameterDescription, Buffer.from([0, 0]))] : []),
          COLUMNS,
        ];
      case Frontend.Execute:
        return this.execute(frame);
      case Frontend.Close:
        return [plain(Backend.CloseComplete)];
      case Frontend.Sync:
        this.skipping = false;
        return [readyForQuery(this.status)];
      case Frontend.FunctionCall:
        return [error('42883', 'function with OID 0 does not exist'), readyForQuery(this.status)];
      case Frontend.Flush:
      case Frontend.CopyData:
      case Frontend.CopyDone:
      case Frontend.CopyFail:
        return [];
      case Frontend.Terminate:
        this.ended = true;
        return [];
      default:
        throw new Error(`the server was sent a message of type ${frame.type}`);
    }
  }

  private late(frame: Frame): Uint8Array[] {
    this.timedOut = false;
    const timeout = error('57014', 'canceling statement due to statement timeout');
    switch (frame.type) {
      case Frontend.Query:
      case Frontend.Sync:
      case Frontend.FunctionCall:
        this.failed(timeout);
        return [timeout, readyForQuery(this.status)];
      default:
        return this.fail(timeout);
    }
  }

  private query(text: string): Uint8Array[] {
    this.texts.push(text);
    const answers: Uint8Array[] = [];
    const fails = this.whyNot(text);
    if (fails) answers.push(this.failed(fails));
    else if (text.trim() === '') answers.push(plain(Backend.EmptyQueryResponse));
    else return this.runAll(text.split(';').filter((part) => part.trim() !== ''));
    return [...answers, readyForQuery(this.status)];
  }

  /** Up to a COPY that asks for data, or the end of the message. */
  private runAll(statements: readonly string[]): Uint8Array[] {
    const answers: Uint8Array[] = [];
    for (const [at, one] of statements.entries()) {
      if (readsData(one)) {
        this.copy = 'by query';
        this.behindCopy = statements.slice(at + 1);
        return [...answers, plain(Backend.CopyInResponse, COPY)];
      }
      answers.push(
        ...(this.returnsRows(one) ? [COLUMNS, ...this.rows(one)] : []),
        ...this.copyOut(one),
        complete(this.run(one)),
      );
    }
    return [...answers, readyForQuery(this.status)];
  }

  private bind(frame: Frame): Uint8Array[] {
    if (!frame.first) return [plain(Backend.BindComplete)];
    const portalEnd = frame.bytes.indexOf(0, 5);
    const portal = Buffer.from(frame.bytes.subarray(5, portalEnd)).toString();
    const name = Buffer.from(frame.bytes.subarray(portalEnd + 1, frame.bytes.indexOf(0, portalEnd + 1))).toString();
    const text = this.statements.get(name);
    if (text === undefined) this.mustBeOwn(name);
    if (text === undefined) return this.fail(error('26000', `prepared statement "${name}" does not exist`));
    if (this.status === 'E') return this.fail(error('25P02', 'current transaction is aborted'));
    this.portals.set(portal, text);
    return [plain(Backend.BindComplete)];
  }

  private execute(frame: Frame): Uint8Array[] {
    const name = Buffer.from(frame.bytes.subarray(5, frame.bytes.indexOf(0, 5))).toString();
    const text = this.portals.get(name);
    if (text === undefined) this.mustBeOwn(name);
    if (text === undefined) return this.fail(error('34000', `portal "${name}" does not exist`));
    if (text.trim() === '') return [plain(Backend.EmptyQueryResponse)];
    if (readsData(text)) {
      this.copy = 'by execute';
      return [plain(Backend.CopyInResponse, COPY)];
    }
    const rows = this.returnsRows(text) ? this.rows(text) : [];
    const most = frame.last ? Buffer.from(frame.bytes).readInt32BE(frame.bytes.length - 4) : 0;
    if (most > 0 && rows.length >= most) return [...rows.slice(0, most), plain(Backend.PortalSuspended)];
    return [...rows, ...this.copyOut(text), complete(this.run(text))];
  }

  /** A name that the session does not know may hold a statement that was never judged. */
  private mustBeOwn(name: string): void {
    if (this.strict && !name.startsWith('rowgate_')) throw new Error(`the server was sent the unknown name "${name}"`);
  }

  private inCopy(frame: Frame): Uint8Array[] {
    const { copy } = this;
    switch (frame.type) {
      case Frontend.CopyDone:
        this.copy = undefined;
        return [complete('COPY 1'), ...(copy === 'by query' ? this.runAll(this.behindCopy) : [])];
      case Frontend.CopyFail: {
        this.copy = undefined;
        const message = Buffer.from(frame.bytes.subarray(5, -1)).toString();
        const answer = this.failed(error('57014', `COPY from stdin failed: ${message}`));
        this.skipping = copy === 'by execute';
        return [answer, ...(copy === 'by query' ? [readyForQuery(this.status)] : [])];
      }
      case Frontend.CopyData:
      case Frontend.Flush:
      case Frontend.Sync:
        return [];
      case Frontend.Terminate:
        this.ended = true;
        return [];
      default:
        if (!this.strict) return [];
        throw new Error(`in COPY the server was sent a message of type ${frame.type}`);
    }
  }

  private whyNot(text: string): Buffer | undefined {
    if (this.status === 'E' && !/^\s*(rollback|commit)/i.test(text))
      return error('25P02', 'current transaction is aborted');
    const own = /rowgate_\w+/.exec(text);
    if (own) return error('42703', `column "${own[0]}" does not exist`);
    return /fails/.test(text) ? error('22012', 'division by zero') : undefined;
  }

  private run(text: string): string {
    const [first = '', second = ''] = wordsOf(text.toUpperCase()).map((word) => word.toUpperCase());
    if (first === 'BEGIN') this.status = 'T';
    if (first === 'COMMIT' || first === 'ROLLBACK') {
      const tag = this.status === 'E' ? 'ROLLBACK' : first;
      if (!/\bto\b/i.test(text)) this.status = 'I';
      return tag;
    }
    this.timedOut = /late/.test(text);
    const [, name = ''] = text.trim().split(/\s+/);
    if (first === 'PREPARE') this.statements.set(name, 'select 5');
    if (first === 'DECLARE') this.portals.set(name, 'select many');
    return tagOf(first, second);
  }

  private returnsRows(text: string): boolean {
    const [first = '', ...others] = wordsOf(text);
    if (first === 'insert' || first === 'update' || first === 'delete') return others.includes('returning');
    return ['select', 'fetch', 'execute', 'show'].includes(first);
  }

  private rows(text: string): Buffer[] {
    return Array.from({ length: /many/.test(text) ? 9 : 1 }, () => ROW);
  }

  private copyOut(text: string): Buffer[] {
    return wordsOf(text)[0] === 'copy'
      ? [plain(Backend.CopyOutResponse, COPY), plain(Backend.CopyData, Buffer.from('1\n')), plain(Backend.CopyDone)]
      : [];
  }

  private fail(answer: Uint8Array): Uint8Array[] {
    this.skipping = true;
    return [this.failed(answer)];
  }

  private failed(answer: Uint8Array): Uint8Array {
    if (this.status === 'T') this.status = 'E';
    return answer;
  }
}
