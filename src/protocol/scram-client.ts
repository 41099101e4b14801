/** The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, with which Rowgate logs in upstream (RFC 5802 section 5). */
import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import {
  type DeriveKeys,
  decodeBase64,
  deriveKeys,
  hmac,
  isNonce,
  KEY_LENGTH,
  readAttributes,
  readText,
  type ScramMechanism,
  xor,
} from './scram.ts';
import { MAX_ITERATIONS } from './scram-verifier.ts';

export interface ScramClientInput {
  readonly mechanism: ScramMechanism;
  readonly password: string;
  readonly nonce: string;
  /** `tls-server-end-point` data of the server's certificate; undefined without TLS. */
  readonly channelBinding: Buffer | undefined;
}

/** The answer to the challenge, and what the server's last message must be. */
export interface ScramClientFinal {
  readonly message: string;
  readonly serverSignature: Buffer;
}

/** Chooses among the mechanisms that the server offers; undefined where it offers none of ours. Channel binding wherever it can be had. */
export function chooseMechanism(
  offered: readonly string[],
  channelBinding: Buffer | undefined,
): ScramMechanism | undefined {
  if (channelBinding !== undefined && offered.includes('SCRAM-SHA-256-PLUS')) return 'SCRAM-SHA-256-PLUS';
  return offered.includes('SCRAM-SHA-256') ? 'SCRAM-SHA-256' : undefined;
}

export function clientFirst(input: ScramClientInput): string {
  return `${gs2Header(input)}${clientFirstBare(input)}`;
}

/**
 * Reads server-first-message; undefined where it is not one, or asks for an absurd number of iterations.
 * @param derive `deriveKeys`, or what remembers its results.
 */
export async function answerServerFirst(
  input: ScramClientInput,
  message: Uint8Array,
  derive: DeriveKeys = deriveKeys,
): Promise<ScramClientFinal | undefined> {
  const serverFirst = readText(message);
  if (serverFirst === undefined) return undefined;
  const [nonce, saltText, iterationsText] = readAttributes(serverFirst, ['r', 's', 'i']) ?? [];
  if (nonce === undefined || saltText === undefined || iterationsText === undefined) return undefined;
  // A nonce that is not ours and longer is a replay.
  if (!nonce.startsWith(input.nonce) || nonce.length === input.nonce.length || !isNonce(nonce)) return undefined;
  const salt = decodeBase64(saltText);
  if (!salt || salt.length === 0 || !/^[1-9][0-9]{0,6}$/.test(iterationsText)) return undefined;
  const iterations = Number(iterationsText);
  if (iterations > MAX_ITERATIONS) return undefined;
  const keys = await derive(input.password, salt, iterations);
  const bound = input.mechanism === 'SCRAM-SHA-256-PLUS' ? (input.channelBinding ?? Buffer.alloc(0)) : Buffer.alloc(0);
  const binding = Buffer.concat([Buffer.from(gs2Header(input), 'utf8'), bound]).toString('base64');
  const withoutProof = `c=${binding},r=${nonce}`;
  const authMessage = `${clientFirstBare(input)},${serverFirst},${withoutProof}`;
  const proof = xor(keys.clientKey, hmac(keys.storedKey, authMessage));
  return {
    message: `${withoutProof},p=${proof.toString('base64')}`,
    serverSignature: hmac(keys.serverKey, authMessage),
  };
}

/** True where server-final-message proves that the server knows the password as well. */
export function acceptServerFinal(final: ScramClientFinal, message: Uint8Array): boolean {
  const text = readText(message);
  const [signatureText] = (text !== undefined && readAttributes(text, ['v'])) || [];
  const signature = signatureText === undefined ? undefined : decodeBase64(signatureText);
  // Without this a server that knows nothing could play the database.
  return signature?.length === KEY_LENGTH && timingSafeEqual(signature, final.serverSignature);
}

/** `y` where we could bind but the server did not offer it, so that it can notice an offer that was taken away. */
function gs2Header(input: ScramClientInput): string {
  if (input.mechanism === 'SCRAM-SHA-256-PLUS') return 'p=tls-server-end-point,,';
  return input.channelBinding === undefined ? 'n,,' : 'y,,';
}

/** The name is left empty: PostgreSQL takes it from the startup packet. */
function clientFirstBare(input: ScramClientInput): string {
  return `n=,r=${input.nonce}`;
}
