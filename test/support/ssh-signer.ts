/** SSH keys and signatures as `ssh-keygen -Y sign` makes them, without a process. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { stringField } from '../../src/pki/ssh-fields.ts';
import { parsePublicKey, type SshPublicKey } from '../../src/pki/ssh-public-key.ts';

export interface Signer {
  readonly name: string;
  readonly key: SshPublicKey;
  /** One line, as in a `.pub` file. */
  readonly line: string;
  sign(text: string, namespace: string): string;
}

export function newSigner(name: string): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const x = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const line = `ssh-ed25519 ${Buffer.concat([stringField('ssh-ed25519'), stringField(x)]).toString('base64')}`;
  const key = parsePublicKey(line);
  if (!key) throw new Error('the key was not read');
  return { name, key, line, sign: (text, namespace) => signature(text, namespace, privateKey, key) };
}

function signature(text: string, namespace: string, privateKey: KeyObject, { blob }: SshPublicKey): string {
  const hash = createHash('sha512').update(text).digest();
  const parts = [stringField(namespace), stringField(''), stringField('sha512')];
  const bytes = sign(null, Buffer.concat([Buffer.from('SSHSIG'), ...parts, stringField(hash)]), privateKey);
  const inner = Buffer.concat([stringField('ssh-ed25519'), stringField(bytes)]);
  const head = Buffer.concat([Buffer.from('SSHSIG'), Buffer.from([0, 0, 0, 1]), stringField(blob)]);
  const whole = Buffer.concat([head, ...parts, stringField(inner)]);
  return `-----BEGIN SSH SIGNATURE-----\n${whole.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
}
