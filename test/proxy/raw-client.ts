/** A client whose bytes the test controls: it logs in by SCRAM, and then sends nothing by itself. */
import { connect, type Socket } from 'node:net';
import { SocketReader } from '../../src/net/socket-reader.ts';
import { decodeAuthentication, saslInitialResponse, saslResponse } from '../../src/protocol/authentication.ts';
import { type BackendKeyData, decodeBackendKeyData } from '../../src/protocol/backend-key-data.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { decodeParameterStatus } from '../../src/protocol/parameter-status.ts';
import { answerServerFirst, clientFirst } from '../../src/protocol/scram-client.ts';
import { startupMessage } from '../../src/protocol/startup.ts';

export interface RawClient {
  readonly socket: Socket;
  readonly reader: SocketReader;
  readonly key: BackendKeyData;
  readonly parameters: ReadonlyMap<string, string>;
}

export async function rawLogin(
  port: number,
  user: string,
  password: string,
  database: string,
  minor = 0,
  settings: Readonly<Record<string, string>> = {},
): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  const reader = new SocketReader(socket);
  socket.write(startupMessage(3, minor, [['user', user], ['database', database], ...Object.entries(settings)]));
  const input = { mechanism: 'SCRAM-SHA-256', password, nonce: 'rawrawrawraw', channelBinding: undefined } as const;
  const parameters = new Map<string, string>();
  let key: BackendKeyData | undefined;
  for (;;) {
    const { type, bytes } = await reader.readMessage();
    if (type === Backend.Authentication) {
      const request = decodeAuthentication(bytes);
      if (request.kind === 'sasl') socket.write(saslInitialResponse('SCRAM-SHA-256', clientFirst(input)));
      if (request.kind === 'sasl-continue') {
        const answer = await answerServerFirst(input, Buffer.from(request.data));
        socket.write(saslResponse(answer?.message ?? ''));
      }
    } else if (type === Backend.ParameterStatus) {
      const { name, value } = decodeParameterStatus(bytes);
      parameters.set(name, value);
    } else if (type === Backend.BackendKeyData) key = decodeBackendKeyData(bytes);
    else if (type === Backend.ReadyForQuery && key) return { socket, reader, key, parameters };
    else throw new Error(bytes.toString('latin1'));
  }
}
