/** What the demo shows a newcomer: statements to copy, as data so that a test can run each, and the text around them. */

export interface TourStop {
  readonly note: string;
  readonly principal: string;
  readonly sql: string;
  /** The SQLSTATE of the refusal; absent if the statement works. */
  readonly refused?: string;
}

export const TOUR: readonly TourStop[] = [
  {
    note: 'a teacher finds the pupils of one school, and of their birth dates the year',
    principal: 'teacher',
    sql: 'SELECT first_name, last_name, birth_date FROM students ORDER BY last_name, id LIMIT 5',
  },
  {
    note: 'to her, the others do not exist',
    principal: 'teacher',
    sql: 'SELECT count(*) FROM students',
  },
  {
    note: 'the canteen’s app needs first names and classes',
    principal: 'canteen',
    sql: 'SELECT c.name AS class, s.first_name FROM students AS s JOIN classes AS c ON c.id = s.class_id ORDER BY 1, 2 LIMIT 5',
  },
  {
    note: 'the statistics office counts over all schools',
    principal: 'statistics',
    sql: 'SELECT subject, round(avg(mark), 2) AS average FROM grades GROUP BY subject ORDER BY subject',
  },
  {
    note: 'a column that the teacher was not granted',
    principal: 'teacher',
    sql: 'SELECT ine FROM students',
    refused: '42501',
  },
  {
    note: 'more rows than she may take in one statement',
    principal: 'teacher',
    sql: 'SELECT student_id, subject, mark FROM grades',
    refused: '53400',
  },
  {
    note: 'thousands of pupils packed into one row: its bytes count',
    principal: 'homework',
    sql: "SELECT string_agg(first_name, ', ') FROM students WHERE id <= 5000",
    refused: '53400',
  },
  {
    note: 'a table that the canteen knows nothing of',
    principal: 'canteen',
    sql: 'SELECT phone FROM parents',
    refused: '42501',
  },
];

export interface TourPlace {
  readonly port: number;
  /** How to run this program from the folder where the demo was started. */
  readonly command: string;
  /** Relative to the folder where the demo was started. */
  readonly configFile: string;
  readonly policiesFolder: string;
  readonly logFile: string;
}

/** The text that `rowgate demo` prints when everything runs. */
export function tourText(place: TourPlace): string {
  const works = TOUR.filter((stop) => stop.refused === undefined);
  const refused = TOUR.filter((stop) => stop.refused !== undefined);
  return `
Rowgate listens on 127.0.0.1:${place.port}, in front of a database "ent" of 200 schools and 100,000 pupils, all made up.
Logins: teacher, office, canteen, homework, portal, statistics, dba; the password of each is "demo-" and its name.

What works:
${works.map((stop) => shown(stop, place)).join('\n')}

What is refused:
${refused.map((stop) => shown(stop, place)).join('\n')}

One account for all families: no rows without a token, and with one the parent's own children:
  psql ${urlOf('portal', place)} -c "SELECT first_name FROM students"
  PGOPTIONS="-c rowgate.token=$(${place.command} demo --token 7)" psql ${urlOf('portal', place)} -c "SELECT first_name FROM students"

Why, by which line of which policy, and what to grant if it is meant to work:
  ${place.command} explain --config ${place.configFile} --as canteen "SELECT first_name, address FROM students"

How much the teacher has taken of what she may, in how many people:
  ${place.command} limits show teacher --config ${place.configFile}

The policies are in ${place.policiesFolder}: change one and save it, and the running guard takes it.
The decision log, a line before each statement and one after it:
  tail -f ${place.logFile}

Watch a breach, in another terminal:
  ${place.command} demo --tour

Ctrl-C stops the guard and the database.
`;
}

/** What `rowgate demo --tour` leaves behind. */
export interface TourFiles {
  /** How to run this program. */
  readonly command: string;
  readonly log: string;
  readonly configFile: string;
  /** The file with the key of the pupils' ids in the log. */
  readonly key: string;
}

/** The text at the end of `rowgate demo --tour`. */
export function tourEnd({ command, log, configFile, key }: TourFiles): string {
  return `
What an auditor makes of it, for the authority: how many pupils, which data, when, from where. And was pupil 4711 among them?
  ${command} log report breach --config ${configFile} --principal homework --since 1h --subject student=4711 --subject-key ${key}
The same as a page to attach:
  ${command} log report breach --config ${configFile} --principal homework --since 1h --html --output breach.html

On a guard of your own, what comes next is up to you:
  ${command} limits show homework                                  what it has taken of what it may
  ${command} locks release homework --reason "new password"        once the vendor has another one

The log is in ${log}. To try things yourself, with the same database: ${command} demo
`;
}

function shown(stop: TourStop, place: TourPlace): string {
  return `  # ${stop.note}\n  psql ${urlOf(stop.principal, place)} -c "${stop.sql}"`;
}

function urlOf(principal: string, { port }: TourPlace): string {
  return `postgres://${principal}:demo-${principal}@127.0.0.1:${port}/ent`;
}
