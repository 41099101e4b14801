/** Checks a client's password by SCRAM. A principal that does not exist costs the same work and gets the same answers. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { type LoginRefusal, wrongPassword } from '../../core/login-refusal.ts';
import type { SocketReader } from '../../net/socket-reader.ts';
import type { Policy } from '../../policy/model/policy.ts';
import {
  authenticationSaslContinue,
  authenticationSaslFinal,
  decodeSaslResponse,
} from '../../protocol/authentication.ts';
import { Frontend } from '../../protocol/message-types.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { ScramMechanism } from '../../protocol/scram.ts';
import { answerClientFinal, answerClientFirst } from '../../protocol/scram-server.ts';
import {
  formatVerifier,
  mockVerifier,
  parseVerifier,
  type ScramVerifier,
  shareChallenge,
} from '../../protocol/scram-verifier.ts';
import type { SharedState } from '../slots/shared-state.ts';
import { waitForAnswer } from './attempt.ts';

export interface PasswordCheckOptions {
  readonly user: string;
  readonly address: string;
  readonly policy: Policy;
  /** Of the guard's certificate, where the client speaks TLS. */
  readonly channelBinding: Buffer | undefined;
  readonly shared: SharedState;
  /** Makes the challenges of unknown users; never shown. */
  readonly mockSecret: Uint8Array;
  /** The client has what it needs, and is at work on its proof. */
  readonly challenged: () => void;
}

export type PasswordCheck =
  | {
      readonly kind: 'accepted';
      /** To be sent when the session is ready. */
      readonly finalMessage: Buffer;
      /** The one that the password matched, as the policy has it. */
      readonly verifier: string;
    }
  | { readonly kind: 'refused'; readonly refusal: LoginRefusal };

/**
 * `clientFirst`: the message with which the client has begun, by that mechanism. Throws ProtocolError, MalformedMessage or
 * ConnectionClosed; those are no attempts at a password.
 */
export async function checkPassword(
  reader: SocketReader,
  mechanism: ScramMechanism,
  clientFirst: string,
  options: PasswordCheckOptions,
): Promise<PasswordCheck> {
  const { user, channelBinding } = options;
  const principal = options.policy.principals.get(user);
  const known = usableVerifiers(principal?.verifiers ?? []);
  // Made for known users too, so that making it does not tell them from unknown ones.
  const mock = mockVerifier(options.mockSecret, user, shapesOf(options.policy));
  const verifiers = known ?? ([mock] as const);
  const nonce = randomBytes(18).toString('base64');
  const input = { mechanism, verifiers, nonce, channelBinding };
  const first = answerClientFirst(input, Buffer.from(clientFirst, 'utf8'));
  if (first.kind === 'malformed') throw new ProtocolError(first.message);
  reader.socket.write(authenticationSaslContinue(first.message));
  options.challenged();
  const answer = decodeSaslResponse((await reader.readMessage(Frontend.Password)).bytes);
  const final = answerClientFinal(first.exchange, Buffer.from(answer, 'utf8'));
  if (final.kind === 'malformed') throw new ProtocolError(final.message);
  // No known password matches a made-up verifier; and even if one did, the login would be refused.
  const accepted = final.kind === 'accepted' && known !== undefined ? final : undefined;
  await waitForAnswer(reader, options, accepted !== undefined);
  if (!accepted) return { kind: 'refused', refusal: { ...wrongPassword(user), hasWaited: true } };
  const finalMessage = authenticationSaslFinal(accepted.message);
  const verifier = formatVerifier(accepted.verifier);
  // The policy's own string if it is equal: sessions keep it.
  return {
    kind: 'accepted',
    finalMessage,
    verifier: principal?.verifiers.find((text) => text === verifier) ?? verifier,
  };
}

/**
 * SCRAM shows one salt and iteration count before the proof: of a principal's verifiers, those with the first one's salt and count are used (`rowgate
 * password --like`). Undefined if there is none.
 */
function usableVerifiers(texts: readonly string[]): readonly [ScramVerifier, ...ScramVerifier[]] | undefined {
  const [first, ...others] = texts.map(parseVerifier).filter((verifier) => verifier !== undefined);
  return first && [first, ...others.filter((other) => shareChallenge(first, other))];
}

const knownShapes = new WeakMap<Policy, readonly ScramVerifier[]>();

/** One verifier of each shape that this policy's principals have, for made-up ones to look like. */
function shapesOf(policy: Policy): readonly ScramVerifier[] {
  let shapes = knownShapes.get(policy);
  if (!shapes) {
    const firsts = [...policy.principals.values()].map(({ verifiers }) => parseVerifier(verifiers[0] ?? ''));
    const known = firsts.filter((verifier) => verifier !== undefined);
    shapes = [...new Map(known.map((one) => [`${one.iterations} ${one.salt.length}`, one])).values()];
    knownShapes.set(policy, shapes);
  }
  return shapes;
}
