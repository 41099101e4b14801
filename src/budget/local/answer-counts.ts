/**
 * Questions and values that an owner was told, apart: its windows hold them as one amount. They are kept in the store for who asks where the windows
 * stand, and bind nothing; so they are booked behind the statements, and what a guard that is killed had not booked shows as people.
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

  /** The store does not know all of them yet. */
  get isOwed(): boolean {
    return this.owed.size > 0;
  }

  /** @param ceilings of the limit that has paid for them. */
  count(subject: string, { questions, values }: Omit<SubjectCount, 'people'>, ceilings: readonly Ceiling[]): void {
    this.owe(`questions.${subject}`, questions, ceilings);
    this.owe(`values.${subject}`, values, ceilings);
  }

  /** Tells the store. */
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
