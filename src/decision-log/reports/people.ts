/** How many people statements have shown: by the ids in their outcomes, and as bounds where there are none. */

import { ENGLISH, type Speech } from '../language/speech.ts';
import type { Database } from '../read/duckdb.ts';
import { atLeast, atMost, type ShownSubjects } from './people-bounds.ts';

type Counts = Omit<ShownSubjects, 'subject' | 'named'>;
const NONE: Counts = { counted: 0, questions: 0, values: 0, namedIn: 0, countedIn: 0 };

/** By the sums of what one principal took. */
export async function peopleOf(db: Database): Promise<ShownSubjects[]> {
  const named = await db.rows<{ subject: string; key: string; people: number }>(
    `SELECT subject, split_part(person, ':', 1) AS key, count(DISTINCT person) AS people FROM by_met GROUP BY ALL ORDER BY ALL`,
  );
  const fields = Object.keys(NONE).map((field) => `sum(counts."${field}")::BIGINT AS "${field}"`);
  const counts = await db.rows<Counts & { readonly subject: string }>(
    `SELECT subject, ${fields.join(', ')} FROM by_counts GROUP BY subject`,
  );
  const subjects = [...new Set([...named, ...counts].map(({ subject }) => subject))].toSorted();
  return subjects.map((subject) => {
    const found = counts.find((each) => each.subject === subject);
    const { counted, questions, values, namedIn, countedIn } = found ?? NONE;
    const keys = named.filter((each) => each.subject === subject).map(({ key, people }) => ({ key, people }));
    return { subject, named: keys, counted, questions, values, namedIn, countedIn };
  });
}

/** `400`, or `400 to 512`. */
export function peopleText(people: ShownSubjects, speech: Speech = ENGLISH): string {
  const [least, most] = [atLeast(people), atMost(people)];
  return least === most ? speech.count(least) : speech.say('people from to', { least, most });
}
