/** What a file has said of statements, by the numbers of the records that said it. */

type Said = Readonly<Record<string, unknown>>;

export class StatementsSaid {
  private readonly bySeq = new Map<unknown, Said>();
  private readonly lastOf = new Map<string, unknown>();

  /** `most`: beyond that, what was not asked for the longest is forgotten. INVARIANT: no writer remembers more than `MOST_STATEMENTS`. */
  constructor(private readonly most: number) {}

  get(seq: unknown): Said | undefined {
    const said = this.bySeq.get(seq);
    if (said && this.most < Number.POSITIVE_INFINITY) {
      this.bySeq.delete(seq);
      this.bySeq.set(seq, said);
    }
    return said;
  }

  /** Where the same was said before, nothing refers to that any more. */
  add(seq: unknown, said: Said): void {
    const key = keyOf(said);
    this.bySeq.delete(this.lastOf.get(key));
    this.bySeq.set(seq, said);
    this.lastOf.set(key, seq);
    if (this.bySeq.size > this.most) this.forget(this.bySeq.keys().next().value);
  }

  private forget(seq: unknown): void {
    const said = this.bySeq.get(seq);
    this.bySeq.delete(seq);
    if (said) this.lastOf.delete(keyOf(said));
  }
}

/** As the writer tells statements apart, or finer. */
function keyOf({ fingerprint, effect, reason, rule }: Said): string {
  return JSON.stringify([fingerprint, effect, reason, rule]);
}
