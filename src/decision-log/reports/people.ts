/** How many people statements have shown: by the ids in their outcomes where there are ids, and in bounds where not. */
import { subjectCounts } from '../read/columns.ts';
import type { Database } from '../read/duckdb.ts';
import { count } from './report.ts';

export interface ShownSubjects {
  readonly subject: string;
  /** Different ids, by the name of the key they were made with. The same person has another id under another key. */
  readonly named: readonly { readonly key: string; readonly people: number }[];
  /** Counted in outcomes without an id: the log keeps none (`log.subjects: counted`). Each as often as shown. */
  readonly counted: number;
  /** Statements that told nothing else, and values of 8 bytes: of anybody in the role's scope. */
  readonly questions: number;
  readonly values: number;
}

/** @param taken a table with `id` and `subjects` of statements; `shown`: one with `id`, `subject`, `person`. */
export async function peopleOf(db: Database, taken: string, shown: string): Promise<ShownSubjects[]> {
  const named = await db.rows<{ subject: string; key: string; people: number }>(
    `SELECT subject, split_part(person, ':', 1) AS key, count(DISTINCT person) AS people FROM ${shown} GROUP BY ALL ORDER BY ALL`,
  );
  const counts = await db.rows<{ subject: string; counted: number; questions: number; values: number }>(
    `SELECT subject, sum(greatest(people - coalesce(ids, 0), 0))::BIGINT AS counted, sum(questions)::BIGINT AS questions,
       sum("values")::BIGINT AS "values" FROM (
       SELECT id, key AS subject, ${subjectCounts()} FROM
         (SELECT id, unnest(map_entries(subjects), recursive := true) FROM ${taken} WHERE subjects IS NOT NULL))
     LEFT JOIN (SELECT id, subject, count(DISTINCT person) AS ids FROM ${shown} GROUP BY ALL) USING (id, subject)
     GROUP BY subject`,
  );
  const subjects = [...new Set([...named, ...counts].map(({ subject }) => subject))].toSorted();
  return subjects.map((subject) => {
    const none = { counted: 0, questions: 0, values: 0 };
    const { counted, questions, values } = counts.find((each) => each.subject === subject) ?? none;
    const keys = named.filter((each) => each.subject === subject).map(({ key, people }) => ({ key, people }));
    return { subject, named: keys, counted, questions, values };
  });
}

/** Certainly so many different people: under one key, different ids are different people. */
export function atLeast({ named, counted }: ShownSubjects): number {
  const most = Math.max(0, ...named.map(({ people }) => people));
  return most === 0 && counted > 0 ? 1 : most;
}

/** No more than so many. */
export function atMost(people: ShownSubjects): number {
  return people.named.reduce((sum, { people: each }) => sum + each, 0) + people.counted + unnamed(people);
}

/** So many others at most who were not named. */
export function unnamed({ questions, values }: ShownSubjects): number {
  return questions + values;
}

/** `400`, or `400 to 512`. */
export function peopleText(people: ShownSubjects): string {
  const [least, most] = [atLeast(people), atMost(people)];
  return least === most ? count(least) : `${count(least)} to ${count(most)}`;
}
