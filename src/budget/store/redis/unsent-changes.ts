/** What must still be told to Redis: amounts that come back, people who were seen. Each is told once, in order, however often it takes. */
import type { Operation, RedisAccounts } from './accounts.ts';

/** So many in one call. */
const MOST_AT_ONCE = 500;
/** Of more the oldest are left out. Nothing is granted meanwhile, so few can come together. */
const MOST_OWED = 100_000;

export class Owed {
  private readonly waiting: Operation[] = [];
  /** The same operations under the same number, until it is known that they were done: else they were done twice. */
  private batch: { readonly number: number; readonly operations: readonly Operation[] } | undefined;
  private lastNumber = 0;
  private telling: Promise<void> | undefined;

  constructor(private readonly accounts: RedisAccounts) {}

  add(operations: readonly Operation[]): void {
    this.waiting.push(...operations);
    this.waiting.splice(0, this.waiting.length - MOST_OWED);
    void this.tell();
  }

  /** Resolves when all of it was told, or it could not be. */
  tell(): Promise<void> {
    this.telling ??= this.tellAll()
      .catch(() => {})
      .finally(() => {
        this.telling = undefined;
      });
    return this.telling;
  }

  private async tellAll(): Promise<void> {
    for (;;) {
      if (!this.batch) {
        if (this.waiting.length === 0) return;
        this.lastNumber += 1;
        this.batch = { number: this.lastNumber, operations: this.waiting.splice(0, MOST_AT_ONCE) };
      }
      await this.accounts.run(this.batch.operations, this.batch.number);
      this.batch = undefined;
    }
  }
}
