/** The two kinds of wrong bytes: broken framing, after which nothing can be read, and one message with invalid content. */

/** Framing is broken, or the peer broke the protocol: the connection must end (FATAL, 08P01). */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly sqlstate = '08P01';

  /** `answered`: false if PostgreSQL would close without an error message: the bytes may be another protocol. */
  constructor(
    message: string,
    readonly answered = true,
  ) {
    super(message);
  }
}

/** For a message that is valid, but not at this point of the protocol. */
export function unexpectedMessage(): ProtocolError {
  return new ProtocolError('server sent an unexpected message');
}

/** The content of one message is wrong, but the next can be read: PostgreSQL answers with an ERROR. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';

  constructor(
    message: string,
    /** 08P01 protocol_violation, or 22021 character_not_in_repertoire for text that is not UTF-8. */
    readonly sqlstate: '08P01' | '22021' = '08P01',
  ) {
    super(message);
  }
}
