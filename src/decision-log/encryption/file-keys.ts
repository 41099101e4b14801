/** The keys of encrypted files, made ahead: a file must be there when it is needed, and age takes its time. */
import { randomBytes } from 'node:crypto';
import { BoxWriter, KEY_BYTES } from './boxes.ts';
import { encryptTo } from './recipients.ts';

export interface FileKey {
  /** For the file's `segment`. */
  readonly age: string;
  readonly boxes: BoxWriter;
}

/** One for the file that is begun, one for a file that is moved away right behind it. */
const AHEAD = 2;

export class FileKeys {
  private readonly made: FileKey[] = [];
  private making: Promise<void> | undefined;

  private constructor(private readonly recipients: readonly string[]) {}

  /** Resolves when the first files can be begun. Throws where a recipient is none. */
  static async to(recipients: readonly string[]): Promise<FileKeys> {
    const keys = new FileKeys(recipients);
    await keys.make();
    return keys;
  }

  /** A key for a new file, for this one alone; undefined where the next is still being made: no file can be begun then. */
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
