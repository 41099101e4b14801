/** The people whom a run shows: of each row for its budget, and all in all for the log. */
import type { PeopleOfRow } from '../guard/decision.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { HEADER_BYTES } from '../wire/message-cursor.ts';
import type { People } from './budget.ts';
import { copyFields } from './copy-fields.ts';
import type { OutcomeEntry } from './entries.ts';
import { type Formats, peopleInRow, peopleOf } from './row-people.ts';
import { planOfCopy, type RowPlan } from './row-plan.ts';
import type { Run } from './run.ts';

/** So many of a run are told apart for its record; of those behind them each counts whenever it shows: perhaps too many, never too few. */
const MOST_KNOWN = 10_000;

interface Tally {
  readonly known: Set<string>;
  n: number;
  unnamed: number;
}

export class WhomItShows {
  private plan: RowPlan | undefined | 'not made' = 'not made';
  private readonly tallies = new Map<string, Tally>();

  /** @param formats of the result's columns, by Bind; `described`: as its RowDescription says. */
  constructor(
    private readonly people: readonly PeopleOfRow[] | undefined,
    private readonly formats: Formats | 'described',
  ) {}

  /** Of a row, or the first piece of one; undefined where nobody stands in it. Counts nothing. */
  in(run: Run, frame: Frame): readonly People[] | undefined {
    if (this.plan === 'not made') this.plan = this.makePlan(run);
    const { plan } = this;
    if (!plan) return undefined;
    const { kind } = run.statement;
    if (kind.kind === 'copy-out') {
      const data = frame.bytes.subarray(HEADER_BYTES);
      const values = copyFields(data, kind.format, plan.columns, frame.last, run.messages === 0);
      return peopleOf(plan, values, [kind.format.kind === 'binary' ? 1 : 0], frame.length);
    }
    const shown = run.watch.provenance.shown;
    return peopleInRow(plan, frame, this.formats === 'described' ? shown?.formats : this.formats);
  }

  private makePlan(run: Run): RowPlan | undefined {
    if (run.statement.kind.kind === 'copy-out') return planOfCopy(this.people);
    return run.watch.provenance.planOf(this.people);
  }

  /** They were shown. */
  count(people: readonly People[]): void {
    for (const { subject, keys, unnamed } of people) {
      let tally = this.tallies.get(subject);
      if (!tally) {
        tally = { known: new Set(), n: 0, unnamed: 0 };
        this.tallies.set(subject, tally);
      }
      tally.unnamed += unnamed;
      for (const key of keys) {
        if (tally.known.has(key)) continue;
        tally.n += 1;
        if (tally.known.size < MOST_KNOWN) tally.known.add(key);
      }
    }
  }

  /** For the outcome; undefined where nobody was shown. */
  all(): OutcomeEntry['subjects'] {
    if (this.tallies.size === 0) return undefined;
    return Object.fromEntries([...this.tallies].map(([subject, { n, unnamed }]) => [subject, { n, unnamed }]));
  }
}
