/** The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: two steps, each a pure function of its input (RFC 5802 section 5). */
import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import {
  decodeBase64,
  hmac,
  isNonce,
  KEY_LENGTH,
  readAttributes,
  readText,
  type ScramMechanism,
  sha256,
  xor,
} from './scram.ts';
import type { ScramVerifier } from './scram-verifier.ts';

export interface ScramServerInput {
  readonly mechanism: ScramMechanism;
  /** At least one; all have the salt and iteration count of the first (`shareChallenge`). */
  readonly verifiers: readonly [ScramVerifier, ...ScramVerifier[]];
  /** Printable, random, 18 bytes or more in base64. */
  readonly nonce: string;
  /** `tls-server-end-point` data; undefined without TLS or if the certificate has none: then -PLUS was not offered. */
  readonly channelBinding: Buffer | undefined;
}

/** The state between the two steps. */
export interface ScramServerExchange {
  readonly input: ScramServerInput;
  readonly gs2Header: string;
  readonly clientFirstBare: string;
  readonly serverFirst: string;
  readonly nonce: string;
}

/** The peer broke the protocol: 08P01. `message` is for the client. */
export interface ScramMalformed {
  readonly kind: 'malformed';
  readonly message: string;
}

export type ScramServerFirst = {
  readonly kind: 'challenge';
  readonly message: string;
  readonly exchange: ScramServerExchange;
};

export type ScramServerFinal =
  | { readonly kind: 'accepted'; readonly message: string; readonly verifier: ScramVerifier }
  | { readonly kind: 'denied' };

/** Reads client-first-message, answers server-first-message. The user name in it is ignored, as in PostgreSQL: the startup packet's counts. */
export function answerClientFirst(input: ScramServerInput, message: Uint8Array): ScramServerFirst | ScramMalformed {
  const text = readText(message);
  const match = text === undefined ? null : /^(n|y|p=[A-Za-z0-9.-]{1,64}),([^,]*),(n=.*)$/s.exec(text);
  if (!match) return malformed('malformed SCRAM message');
  const [, flag = '', authzid = '', clientFirstBare = ''] = match;
  if (authzid !== '') return malformed('client uses authorization identity, but it is not supported');
  const problem = bindingProblem(flag, input);
  if (problem !== undefined) return malformed(problem);
  const [, clientNonce] = readAttributes(clientFirstBare, ['n', 'r']) ?? [];
  if (clientNonce === undefined || !isNonce(clientNonce)) return malformed('malformed SCRAM message');
  const { salt, iterations } = input.verifiers[0];
  const nonce = clientNonce + input.nonce;
  const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`;
  return {
    kind: 'challenge',
    message: serverFirst,
    exchange: { input, gs2Header: `${flag},,`, clientFirstBare, serverFirst, nonce },
  };
}

function bindingProblem(flag: string, input: ScramServerInput): string | undefined {
  if (input.mechanism === 'SCRAM-SHA-256-PLUS') {
    if (flag !== 'p=tls-server-end-point')
      return 'SCRAM-SHA-256-PLUS needs channel binding of type tls-server-end-point';
    return undefined;
  }
  if (flag.startsWith('p=')) return 'channel binding needs SCRAM-SHA-256-PLUS';
  // `y` means that the client saw no offer of channel binding: if we made one, an attacker removed it.
  if (flag === 'y' && input.channelBinding !== undefined) return 'SCRAM channel binding negotiation error';
  return undefined;
}

/** Reads client-final-message and checks its proof against every verifier, in the same time whichever matches. */
export function answerClientFinal(
  exchange: ScramServerExchange,
  message: Uint8Array,
): ScramServerFinal | ScramMalformed {
  const { input, gs2Header, clientFirstBare, serverFirst, nonce } = exchange;
  const text = readText(message);
  const [binding, clientNonce, proofText] = (text !== undefined && readAttributes(text, ['c', 'r', 'p'])) || [];
  if (text === undefined || binding === undefined || clientNonce === undefined || proofText === undefined) {
    return malformed('malformed SCRAM message');
  }
  const proof = decodeBase64(proofText);
  if (proof?.length !== KEY_LENGTH || clientNonce !== nonce) return malformed('malformed SCRAM message');
  const isPlus = input.mechanism === 'SCRAM-SHA-256-PLUS';
  const bound = isPlus ? (input.channelBinding ?? Buffer.alloc(0)) : Buffer.alloc(0);
  const expected = Buffer.concat([Buffer.from(gs2Header, 'utf8'), bound]).toString('base64');
  // The proof is valid only on the channel that the client saw.
  if (binding !== expected || (isPlus && bound.length === 0)) return malformed('SCRAM channel binding check failed');
  const authMessage = `${clientFirstBare},${serverFirst},${text.slice(0, text.lastIndexOf(',p='))}`;
  let matching: ScramVerifier | undefined;
  for (const verifier of input.verifiers) {
    const clientKey = xor(proof, hmac(verifier.storedKey, authMessage));
    // INVARIANT 90: constant-time, and no early exit.
    const matches = timingSafeEqual(sha256(clientKey), verifier.storedKey);
    if (matches) matching = verifier;
  }
  if (!matching) return { kind: 'denied' };
  return {
    kind: 'accepted',
    message: `v=${hmac(matching.serverKey, authMessage).toString('base64')}`,
    verifier: matching,
  };
}

function malformed(message: string): ScramMalformed {
  return { kind: 'malformed', message };
}
