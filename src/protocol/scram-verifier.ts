/** The stored form of a password, as in pg_authid: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`. */
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { decodeBase64, deriveKeys, hmac, KEY_LENGTH } from './scram.ts';

export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** PostgreSQL's own default (`scram_iterations`). */
export const DEFAULT_ITERATIONS = 4096;

/** With more iterations, every login of an honest client would take seconds. */
export const MAX_ITERATIONS = 1_000_000;

/** Reads a verifier; undefined if the text is anything else or more. */
export function parseVerifier(text: string): ScramVerifier | undefined {
  const match = /^SCRAM-SHA-256\$([1-9][0-9]{0,6}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(text);
  if (!match) return undefined;
  const iterations = Number(match[1]);
  const salt = decodeBase64(match[2] ?? '');
  const storedKey = decodeBase64(match[3] ?? '');
  const serverKey = decodeBase64(match[4] ?? '');
  if (!salt || !storedKey || !serverKey) return undefined;
  if (iterations > MAX_ITERATIONS || salt.length < 8 || salt.length > 64) return undefined;
  if (storedKey.length !== KEY_LENGTH || serverKey.length !== KEY_LENGTH) return undefined;
  return { iterations, salt, storedKey, serverKey };
}

/** As in `pg_authid.rolpassword`: `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`. */
export function formatVerifier(verifier: ScramVerifier): string {
  const { iterations, salt, storedKey, serverKey } = verifier;
  const base64 = (bytes: Buffer) => bytes.toString('base64');
  return `SCRAM-SHA-256$${iterations}:${base64(salt)}$${base64(storedKey)}:${base64(serverKey)}`;
}

/** Makes the verifier of a password. The caller gives the salt: 16 random bytes, or the salt of the verifier that it will be used with. */
export async function makeVerifier(
  password: string,
  salt: Buffer,
  iterations: number = DEFAULT_ITERATIONS,
): Promise<ScramVerifier> {
  const { storedKey, serverKey } = await deriveKeys(password, salt, iterations);
  return { iterations, salt, storedKey, serverKey };
}

/** True if one challenge serves both verifiers: same salt and iteration count. */
export function shareChallenge(a: ScramVerifier, b: ScramVerifier): boolean {
  return a.iterations === b.iterations && a.salt.equals(b.salt);
}

/**
 * The verifier that an unknown user is challenged with: always the same for one name, different for each name, and matched by no password. `shapes`
 * are real verifiers: made-up ones copy their iteration counts and salt lengths, so that these do not reveal them.
 */
export function mockVerifier(secret: Uint8Array, user: string, shapes: readonly ScramVerifier[]): ScramVerifier {
  const bytes = (purpose: string) => hmac(secret, `${purpose}:${user}`);
  const { iterations, saltLength } = shapeFor(shapes, bytes);
  // 64 bytes: the longest salt that parseVerifier accepts. The salt changes with the shape, as for a user with a new password.
  const salt = createHmac('sha512', secret).update(`salt:${iterations}:${saltLength}:${user}`).digest();
  return {
    iterations,
    salt: salt.subarray(0, saltLength),
    storedKey: bytes('stored'),
    serverKey: bytes('server'),
  };
}

/**
 * A name keeps its shape while that shape exists, whatever other users come and go. Otherwise comparing before and after a change of the policy would
 * reveal made-up verifiers.
 */
function shapeFor(shapes: readonly ScramVerifier[], lotOf: (purpose: string) => Buffer) {
  const kinds = new Map(
    shapes.map(({ iterations, salt }) => [`${iterations}:${salt.length}`, { iterations, saltLength: salt.length }]),
  );
  const drawn = [...kinds].map(([kind, shape]) => ({ shape, lot: lotOf(`shape:${kind}`) }));
  const [first = { shape: { iterations: DEFAULT_ITERATIONS, saltLength: 16 } }] = drawn.sort((a, b) =>
    Buffer.compare(a.lot, b.lot),
  );
  return first.shape;
}
