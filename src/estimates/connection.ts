/** A session of the guard's own at the server, and one question after the other to it. */
import type { Socket } from 'node:net';
import { SocketReader } from '../net/socket-reader.ts';
import { decodeDataRow } from '../protocol/data-row.ts';
import { decodeErrorFields, type ErrorFields, isFatal } from '../protocol/error-response.ts';
import { Backend } from '../protocol/message-types.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';
import { decodeReadyForQuery } from '../protocol/ready-for-query.ts';
import { terminate } from '../protocol/simple-frontend.ts';
import type { UpstreamSession } from '../upstream/connect.ts';
import type { PlanQuestion } from './question.ts';

/** How far the server came with a statement that it refuses. */
export type ConnectionStage = 'parse' | 'bind' | 'execute';

/** What the server said. */
export type PlanAnswer =
  | { readonly kind: 'plan'; readonly json: string }
  | { readonly kind: 'error'; readonly fields: ErrorFields; readonly stage: ConnectionStage; readonly at: number }
  /** The connection is of no use any more: nothing is known. */
  | { readonly kind: 'lost'; readonly detail: string };

/** A plan may be several times as long as its statement. */
const LONGEST = 64 * 1024 * 1024;
const MOST_MESSAGES = 10_000;

export class EstimateConnection {
  private readonly reader: SocketReader;
  private readonly socket: Socket;
  private asked = 0;
  /** It serves for further questions. */
  usable = true;

  constructor({ socket }: UpstreamSession, onClosed: () => void) {
    this.socket = socket;
    this.reader = new SocketReader(socket);
    socket.once('close', () => {
      this.usable = false;
      onClosed();
    });
  }

  /** A name for a prepared statement, new at each call. */
  newName(): string {
    this.asked += 1;
    return `rowgate_estimate_${this.asked}`;
  }

  /** One at a time. @param within milliseconds, after which the connection is given up. */
  async ask(question: PlanQuestion, within: number): Promise<PlanAnswer> {
    const timer = setTimeout(() => this.reader.fail(new Error('no answer in time')), within);
    try {
      return await this.exchange(question);
    } catch (error) {
      this.close();
      return { kind: 'lost', detail: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.usable = false;
    this.socket.end(terminate());
    this.socket.destroySoon();
  }

  private async exchange({ messages, answers, plan }: PlanQuestion): Promise<PlanAnswer> {
    this.socket.write(messages);
    let answer: PlanAnswer = { kind: 'lost', detail: 'the server gave no plan' };
    let failed = false;
    let at = 0;
    let stage: ConnectionStage = 'parse';
    for (let count = 0; count < MOST_MESSAGES; count += 1) {
      const { type, bytes } = await this.reader.readMessage(undefined, LONGEST);
      switch (type) {
        case Backend.DataRow: {
          const [json] = decodeDataRow(bytes);
          if (at === plan && !failed && typeof json === 'string') answer = { kind: 'plan', json };
          break;
        }
        case Backend.ErrorResponse: {
          const fields = decodeErrorFields(bytes);
          if (isFatal(fields)) throw new Error(fields.get('M') ?? 'the server ended the session');
          // What comes after the first error follows from it.
          if (!failed) answer = { kind: 'error', fields, stage, at };
          failed = true;
          break;
        }
        case Backend.ParseComplete:
          stage = 'bind';
          break;
        case Backend.BindComplete:
          stage = 'execute';
          break;
        case Backend.ReadyForQuery:
          at += 1;
          stage = 'parse';
          if (at < answers) break;
          // The next question begins with a transaction of its own.
          if (decodeReadyForQuery(bytes) !== 'I') throw new ProtocolError('the transaction did not end');
          return answer;
        case Backend.RowDescription:
        case Backend.CommandComplete:
        case Backend.NoticeResponse:
        case Backend.ParameterStatus:
        case Backend.NoData:
          break;
        default:
          throw new ProtocolError(`unexpected message type ${type}`);
      }
    }
    throw new ProtocolError('the server does not come to an end');
  }
}
