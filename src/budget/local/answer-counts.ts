/**
 * Counts questions and values apart, while the windows hold their sum. The store keeps these counts for display only; they limit nothing. They are
 * booked after the statements, so a guard that is killed first leaves them displayed as people.
 */
import type { BudgetStore, LeaseClaim, StoreAnswer } from '../../metering/budget-store.ts';
import type { Ceiling, Owner } from '../../metering/measure.ts';
import type { SubjectCount } from '../../session/log-entries.ts';

type CountOfAnswers = `questions.${string}` | `values.${string}`;

export class AnswerCounts {
  private readonly owed = new Map<CountOfAnswers, LeaseClaim>();

  constructor(
    private readonly owner: Owner,
    private readonly store: BudgetStore,
  ) {}

  /** Whether some counts have not reached the store yet. */
  get isOwed(): boolean {
    return this.owed.size > 0;
  }

  /** @param ceilings of the limit that they were charged to. */
  count(subject: string, { questions, values }: Omit<SubjectCount, 'people'>, ceilings: readonly Ceiling[]): void {
    this.owe(`questions.${subject}`, questions, ceilings);
    this.owe(`values.${subject}`, values, ceilings);
  }

  /** Sends the counts to the store. */
  book(): void {
    if (this.owed.size === 0) return;
    const claims = [...this.owed.values()];
    this.owed.clear();
    const again = (): void => {
      for (const { measure, want, ceilings } of claims) this.owe(measure as CountOfAnswers, want, ceilings);
    };
    let answer: StoreAnswer<unknown>;
    try {
      answer = this.store.take(claims);
    } catch {
      again();
      return;
    }
    if (answer instanceof Promise) void answer.catch(again);
  }

  private owe(measure: CountOfAnswers, amount: number, ceilings: readonly Ceiling[]): void {
    if (amount === 0) return;
    const want = amount + (this.owed.get(measure)?.want ?? 0);
    this.owed.set(measure, { owner: this.owner, measure, ceilings: ceilings.map(({ window }) => ({ window })), want });
  }
}
