/** The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, for Rowgate's login at the server (RFC 5802 section 5). */
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

/** The answer to the challenge, and what the server's last message must contain. */
export interface ScramClientFinal {
  readonly message: string;
  readonly serverSignature: Buffer;
}

/** Chooses among the server's mechanisms, with channel binding if possible; undefined if none is supported. */
export function chooseMechanism(
  offered: readonly string[],
  channelBinding: Buffer | undefined,
): ScramMechanism | undefined {
  if (channelBinding !== undefined && offered.includes('SCRAM-SHA-256-PLUS')) return 'SCRAM-SHA-256-PLUS';
  return offered.includes('SCRAM-SHA-256') ? 'SCRAM-SHA-256' : undefined;
}

/** The client-first-message (RFC 5802, section 7), with its GS2 header. */
export function clientFirst(input: ScramClientInput): string {
  return `${gs2Header(input)}${clientFirstBare(input)}`;
}

/**
 * Reads server-first-message; undefined if it is malformed, or asks for an absurd number of iterations.
 * @param derive `deriveKeys`, or a version that caches results.
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
  // The nonce must begin with ours and be longer; otherwise it is a replay.
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

/** True if server-final-message proves that the server knows the password too. */
export function acceptServerFinal(final: ScramClientFinal, message: Uint8Array): boolean {
  const text = readText(message);
  const [signatureText] = (text !== undefined && readAttributes(text, ['v'])) || [];
  const signature = signatureText === undefined ? undefined : decodeBase64(signatureText);
  // Without this check an impostor could act as the database.
  return signature?.length === KEY_LENGTH && timingSafeEqual(signature, final.serverSignature);
}

/** `y` if we support channel binding but the server did not offer it: the server then notices if an attacker removed its offer. */
function gs2Header(input: ScramClientInput): string {
  if (input.mechanism === 'SCRAM-SHA-256-PLUS') return 'p=tls-server-end-point,,';
  return input.channelBinding === undefined ? 'n,,' : 'y,,';
}

/** The name is empty: PostgreSQL takes it from the startup packet. */
function clientFirstBare(input: ScramClientInput): string {
  return `n=,r=${input.nonce}`;
}
