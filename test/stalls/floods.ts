/** Shapes of flood: what one client sends over and over, each time a little different, without waiting for more than its socket takes. */
import { B, CP, CS, D, DONE, DS, E, H, P, Q, S } from '../session/messages.ts';

/** @param round how often it was called before. */
export type Flood = (round: number) => Uint8Array;

const many = (n: number, of: (i: number) => Uint8Array): Buffer =>
  Buffer.concat(Array.from({ length: n }, (_, i) => of(i)));
const list = (n: number, of: (i: number) => string, between = ','): string =>
  Array.from({ length: n }, (_, i) => of(i)).join(between);
const both = (...messages: Uint8Array[]): Buffer => Buffer.concat(messages);

/** Eight relations, most of them views over views. */
const joined = (
  i: number,
): string => `select p.id, f.first_name, m.mark, k.mark as a${i}, x.day, g.mark, c.name, t.last_name
  from pupils p join files f on f.id = p.id join marks m on m.student_id = p.id join marks k on k.student_id = f.id
  join missed x on x.student_id = p.id join grades g on g.student_id = p.id join classes c on c.id = p.class_id
  join teachers t on t.school_id = c.school_id where p.id = ${i} and f.mark > 3`;

/** Many messages, each of which takes little. */
export const MESSAGES: Readonly<Record<string, Flood>> = {
  'Parses of eight relations, no Sync': (r) => many(200, (i) => P(joined(r * 200 + i))),
  'Parses of eight relations, a Sync behind each': (r) => many(200, (i) => both(P(joined(r * 200 + i)), S())),
  'Queries of eight relations': (r) => many(200, (i) => Q(joined(r * 200 + i))),
  'small Parses': (r) =>
    both(
      many(2_000, (i) => P(`select ${r} as a${i}`)),
      S(),
    ),
  'the same Parse': () =>
    both(
      many(3_000, () => P('select 1')),
      S(),
    ),
  'Parses that are refused': (r) => many(1_000, (i) => both(P(`select ine as a${r * 1_000 + i} from students`), S())),
  'Queries that are refused': (r) => many(1_000, (i) => Q(`select address as a${r * 1_000 + i} from students`)),
  'Queries that are no SQL': (r) => many(2_000, (i) => Q(`select from where ${r * 2_000 + i}`)),
  'Queries that differ in literals': (r) =>
    many(1_000, (i) => Q(`select last_name from students where id = ${r * 1_000 + i}`)),
  'empty Queries': () => many(5_000, () => Q('')),
  'Closes of statements': () =>
    both(
      many(5_000, () => CS('none')),
      S(),
    ),
  'Closes of portals': () =>
    both(
      many(5_000, () => CP('none')),
      S(),
    ),
  Syncs: () => many(10_000, () => S()),
  Flushes: () => many(20_000, () => H()),
  'messages behind an error': () =>
    both(
      P('select nope'),
      many(20_000, () => DS('none')),
      S(),
    ),
  'Binds of nothing': () =>
    both(
      many(5_000, () => B([], '', 'none')),
      S(),
    ),
  'Binds and Executes': () =>
    both(
      P('select last_name from students where id = $1'),
      many(1_500, () => both(B(['3']), E())),
      S(),
    ),
  'Binds of many values': () =>
    both(
      P(`select 1 where 5 in (${list(5_000, (i) => `$${i + 1}::int`)})`),
      many(50, () => both(B(Array.from({ length: 5_000 }, (_, i) => String(i))), E())),
      S(),
    ),
  'COPY in small messages': (r) =>
    both(
      Q('copy notes from stdin'),
      many(20_000, (i) => D(`${i}\t${r}\n`)),
      DONE,
    ),
  'COPY in empty messages': () =>
    both(
      Q('copy notes from stdin'),
      many(50_000, () => D('')),
      DONE,
    ),
  savepoints: () =>
    both(
      Q('begin'),
      many(2_000, (i) => Q(`savepoint s${i}`)),
      Q('rollback'),
    ),
  'PREPARE as SQL': (r) => many(1_000, (i) => Q(`prepare p${r}_${i} as select ${i}`)),
};

/** Texts that take long by themselves: one of them is judged in a few pieces at most. */
export const TEXTS: Readonly<Record<string, Flood>> = {
  'short runs of operator characters': (r) => P(`select ${r} ${`${'-+'.repeat(31)} `.repeat(16_000)} 1`),
  'short runs of operators': (r) => P(`select ${r} ${`${'@/'.repeat(30)} `.repeat(16_000)} 1`),
  'a megabyte in IN': (r) => Q(`select last_name from students where id in (${list(140_000, (i) => String(i + r))})`),
  'a megabyte of rows': (r) => Q(`insert into notes values ${list(40_000, (i) => `(${i}, 'x${r}')`)}`),
  'many parameters': (r) => P(`select ${r} where 5 in (${list(60_000, (i) => `$${i + 1}::int`)})`),
  'many statements': (r) => Q(list(5_000, (i) => `select ${i + r}`, ';')),
  'many settings': (r) => Q(list(3_000, (i) => `set application_name = 'a${i + r}'`, ';')),
  'many columns': (r) => Q(`select ${r}, ${'id,'.repeat(9_000)}id from students`),
  'many relations': (r) => Q(`select ${r} from ${list(300, (i) => `files f${i}`)}`),
  'many leaky conditions': (r) =>
    Q(`select 1 from students where ${list(600, (i) => `last_name::int = ${i + r}`, ' or ')}`),
  'a long comment': (r) => Q(`/*${'x'.repeat(900_000)}*/ select ${r}`),
  'a long literal': (r) => Q(`select '${'é'.repeat(450_000)}${r}'`),
};
