/** Rowgate's own queries on a session before a client has it: few, small, and read completely. */

import { decodeDataRow } from '../protocol/data-row.ts';
import { decodeErrorFields, isFatal } from '../protocol/error-response.ts';
import { Backend } from '../protocol/message-types.ts';
import { decodeParameterStatus } from '../protocol/parameter-status.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';
import { query as queryMessage } from '../protocol/query.ts';
import { decodeReadyForQuery } from '../protocol/ready-for-query.ts';
import { serverError } from './login.ts';
import type { ServerMessages } from './server-messages.ts';
import type { UpstreamError } from './upstream-error.ts';

export type QueryRows = (string | null)[][];

/** Rows of text values, NULL as null. Throws UpstreamError on an error. */
export type ServerQuery = (sql: string) => Promise<QueryRows>;

/** None of Rowgate's queries has a longer answer. */
const MOST_MESSAGES = 10_000;

/** `reported` is updated with the parameters that the server reports. */
export function serverQuery(messages: ServerMessages, reported: Map<string, string>): ServerQuery {
  return (sql) => send(messages, reported, queryMessage(sql));
}

/** Sends messages that end in one ReadyForQuery, and reads the rows of the answer. */
export function send(messages: ServerMessages, reported: Map<string, string>, bytes: Uint8Array): Promise<QueryRows> {
  messages.socket.write(bytes);
  return readAnswer(messages, reported);
}

/** The rows of the answer, up to its ReadyForQuery. */
export async function readAnswer(messages: ServerMessages, reported: Map<string, string>): Promise<QueryRows> {
  const rows: QueryRows = [];
  let failure: UpstreamError | undefined;
  for (let count = 0; count < MOST_MESSAGES; count += 1) {
    const { type, bytes } = await messages.next();
    switch (type) {
      case Backend.DataRow:
        rows.push(decodeDataRow(bytes));
        break;
      case Backend.ParameterStatus: {
        const { name, value } = decodeParameterStatus(bytes);
        reported.set(name, value);
        break;
      }
      case Backend.ErrorResponse:
        failure ??= serverError(decodeErrorFields(bytes));
        // The server closes after a fatal error: report the error, not the closed connection.
        if (isFatal(decodeErrorFields(bytes))) throw failure;
        break;
      case Backend.ReadyForQuery:
        if (failure) throw failure;
        if (decodeReadyForQuery(bytes) !== 'I') throw new ProtocolError('session is not idle after login');
        return rows;
      case Backend.RowDescription:
      case Backend.CommandComplete:
      case Backend.NoticeResponse:
      case Backend.ParseComplete:
      case Backend.BindComplete:
      case Backend.CloseComplete:
      case Backend.EmptyQueryResponse:
        break;
      default:
        throw new ProtocolError(`unexpected message type ${type} after login`);
    }
  }
  throw new ProtocolError('the server does not come to an end');
}
