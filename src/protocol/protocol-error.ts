/** The two ways in which bytes can be wrong: broken framing, after which nothing can be read, and one message that does not hold what it should. */

/** Framing is broken or the peer broke the protocol: the connection cannot go on (FATAL, 08P01). */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly sqlstate = '08P01';

  /** `answered`: false where PostgreSQL closes the connection without a word: what was sent may not be its protocol at all. */
  constructor(
    message: string,
    readonly answered = true,
  ) {
    super(message);
  }
}

/** One message is wrong inside, the next one can still be read: PostgreSQL answers with an ERROR. */
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
