/** The keys of encrypted files, made ahead: a new file must begin at once, and age is slow. */

import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { BoxWriter, KEY_BYTES } from './boxes.ts';

export interface FileKey {
  /** For the file's `segment`. */
  readonly age: string;
  readonly boxes: BoxWriter;
}

/** One for the current file, one for a file that follows immediately. */
const AHEAD = 2;

export class FileKeys {
  private readonly made: FileKey[] = [];
  private making: Promise<void> | undefined;

  private constructor(private readonly recipients: readonly string[]) {}

  /** Resolves when the first files can begin. Throws if a recipient is invalid. */
  static async to(recipients: readonly string[]): Promise<FileKeys> {
    const keys = new FileKeys(recipients);
    await keys.make();
    return keys;
  }

  /** A key for one new file; undefined while the next one is being made: then no file can begin. */
  take(): FileKey | undefined {
    const key = this.made.shift();
    this.making ??= this.make().finally(() => {
      this.making = undefined;
    });
    return key;
  }

  private async make(): Promise<void> {
    while (this.made.length < AHEAD) {
      const key = randomBytes(KEY_BYTES);
      this.made.push({ age: await encryptTo(this.recipients, key), boxes: new BoxWriter(key) });
    }
  }
}

/** Encrypts so that each recipient alone can decrypt: base64 of an age file. */
async function encryptTo(recipients: readonly string[], bytes: Uint8Array): Promise<string> {
  // Loaded with the first key: most logs are not encrypted.
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(bytes)).toString('base64');
}
