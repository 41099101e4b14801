/** The key that signs seals, in a file that the guard makes at its first start. */
import { Buffer } from 'node:buffer';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';

export interface SealKey {
  /** 32 bytes in base64url. */
  readonly publicKey: string;
  /** Ed25519 over the text, in base64url. */
  readonly sign: (text: string) => string | Promise<string>;
}

/** The value of a seal's field `key`. */
export function keyId(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('base64url').slice(0, 16);
}

/** The key in the file, which is created if it is missing. Throws if it cannot be used. */
export function sealKeyIn(file: string): SealKey {
  const key = readSealKey(file) ?? makeKey(file);
  return {
    publicKey: rawPublicKey(createPublicKey(key)),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64url'),
  };
}

/** Whether this key made the signature. */
export function isSigned(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}

/** Undefined if there is no such file. Throws if it cannot be used. */
export function readSealKey(file: string): KeyObject | undefined {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error(`${file} is not a file`);
    // Anyone who can read the key can seal a forged log.
    if (stat.mode & 0o077) throw new Error(`${file} can be read or written by others: it must have the mode 0600`);
    const key = createPrivateKey(readFileSync(fd));
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${file} holds no Ed25519 key`);
    return key;
  } finally {
    closeSync(fd);
  }
}

/** Written completely or not at all: a guard may be killed at any moment, and several workers may start at once. */
function makeKey(file: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  const draft = `${file}.${process.pid}.part`;
  rmSync(draft, { force: true });
  try {
    const fd = openSync(draft, 'wx', 0o600);
    try {
      writeSync(fd, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const made = readSealKey(file);
  if (!made) throw new Error(`${file} cannot be made`);
  return made;
}

function rawPublicKey(key: KeyObject): string {
  const { x } = key.export({ format: 'jwk' });
  if (x === undefined) throw new Error('no Ed25519 key');
  return x;
}
