/** Which texts came lately: to remember one is worth its place when it comes the second time. */

/** How many texts it tells at least. */
const TOLD = 1_000;
/** Characters. INVARIANT: a text is short (`skeleton.ts`), but a client may declare 65,535 types before it. */
const LONGEST = 5_000;

export class RecentTexts {
  private now = new Set<string>();
  private before = new Set<string>();

  /** Whether `text` was among the last thousand that it was asked about; false of a long one. */
  comesAgain(text: string): boolean {
    if (text.length > LONGEST) return false;
    if (this.now.has(text) || this.before.has(text)) return true;
    if (this.now.size === TOLD) {
      this.before = this.now;
      this.now = new Set();
    }
    this.now.add(text);
    return false;
  }
}
