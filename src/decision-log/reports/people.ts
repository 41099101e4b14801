/** How many people statements have shown: by the ids in their outcomes, and as bounds where there are none. */

import { ENGLISH, type Speech } from '../language/speech.ts';
import { subjectCounts } from '../read/columns.ts';
import type { Database } from '../read/duckdb.ts';
import { atLeast, atMost, type ShownSubjects } from './people-bounds.ts';

type Counts = Omit<ShownSubjects, 'subject' | 'named'>;
const NONE: Counts = { counted: 0, questions: 0, values: 0, namedIn: 0, countedIn: 0 };

/** @param taken a table with `id` and `subjects` of statements; `shown`: one with `id`, `subject`, `person`. */
export async function peopleOf(db: Database, taken: string, shown: string): Promise<ShownSubjects[]> {
  const named = await db.rows<{ subject: string; key: string; people: number }>(
    `SELECT subject, split_part(person, ':', 1) AS key, count(DISTINCT person) AS people FROM ${shown} GROUP BY ALL ORDER BY ALL`,
  );
  const counts = await db.rows<Counts & { readonly subject: string }>(
    `SELECT subject, sum(greatest(people - coalesce(ids, 0), 0))::BIGINT AS counted, sum(questions)::BIGINT AS questions,
       sum("values")::BIGINT AS "values", count(*) FILTER (people > 0) AS "namedIn",
       count(*) FILTER (people = 0 AND questions + "values" > 0) AS "countedIn" FROM (
       SELECT id, key AS subject, ${subjectCounts()} FROM
         (SELECT id, unnest(map_entries(subjects), recursive := true) FROM ${taken} WHERE subjects IS NOT NULL))
     LEFT JOIN (SELECT id, subject, count(DISTINCT person) AS ids FROM ${shown} GROUP BY ALL) USING (id, subject)
     GROUP BY subject`,
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
