/** Which texts came lately: to remember one is worth its place when it comes the second time. */

/** How many texts it tells at least. They are short (`skeleton.ts`). */
const TOLD = 1_000;

export class RecentTexts {
  private now = new Set<string>();
  private before = new Set<string>();

  /** Whether `text` was among the last thousand that it was asked about. */
  comesAgain(text: string): boolean {
    if (this.now.has(text) || this.before.has(text)) return true;
    if (this.now.size === TOLD) {
      this.before = this.now;
      this.now = new Set();
    }
    this.now.add(text);
    return false;
  }
}
