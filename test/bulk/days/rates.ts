/**
 * How often honest people ask for what, by role, and why. A platform with a page for everything asks for one list or one pupil a page; a second look
 * counts as a row again, but not as another person.
 */
import { type Asked, Diary } from './asked.ts';
import type { Chance } from './chance.ts';
import type { Day, School, SchoolClass } from './school.ts';

/** A person's days: the statements of one of them. */
export type Work = (day: Day) => Asked[];

const LIST = 'SELECT id, first_name, last_name FROM students WHERE class_id = $1 ORDER BY last_name, first_name';
const ABSENT = `SELECT s.id, a.half_day, a.justified FROM absences a JOIN students s ON s.id = a.student_id
  WHERE s.class_id = $1 AND a.day = $2`;
const MARKS = 'SELECT student_id, subject, term, mark FROM grades WHERE student_id = $1';
const SUBJECT_MARKS = `SELECT g.student_id, g.term, g.mark FROM grades g JOIN students s ON s.id = g.student_id
  WHERE s.class_id = $1 AND g.subject = $2`;
const FOUND = 'SELECT id, first_name, last_name, class_id FROM students WHERE id = ANY($1)';
/** Lessons begin at full hours. */
const LESSONS = [8, 9, 10, 11, 14, 15, 16];

/** Most have 18 hours a week with four to six classes. One in ten has a class for an hour a week (music, arts), and so up to 18 of them. */
export function teacher(school: School, chance: Chance): Work {
  const own = chance.some(school.classes, chance.happens(0.1) ? 18 : chance.between(4, 6));
  const council = chance.happens(0.5) ? own[0] : undefined;
  let next = 0;
  return (day) => {
    if (!day.school) return [];
    const diary = new Diary(day.midnight);
    const lesson = (minutes: number, { id, pupils }: SchoolClass): void => {
      // The list for the roll call, and again after each visit to another page.
      const looks = chance.between(3, 5);
      for (let look = 0; look < looks; look += 1) diary.ask(minutes + look * 11 + chance.int(9), LIST, [id], pupils);
      diary.ask(minutes + 3, ABSENT, [id, day.date], chance.some(pupils, chance.times(2)), { exact: false });
      for (const pupil of chance.some(pupils, chance.int(3))) marksOf(minutes + 20 + chance.int(30), pupil);
    };
    const marksOf = (minutes: number, pupil: number): void =>
      diary.ask(minutes, MARKS, [pupil], [pupil], { rows: school.marks });
    // 18 hours in five days; a colleague's class every other week.
    for (const hour of chance.some(LESSONS, chance.between(3, 5))) lesson(hour * 60, own[next++ % own.length]!);
    if (chance.happens(0.1)) lesson(13 * 60, chance.pick(school.classes));
    // In the corridor, on duty at the door, at the telephone: pupils of others, found by name.
    for (let times = chance.times(3); times > 0; times -= 1) {
      const found = chance.some(school.pupils, chance.between(1, 4));
      diary.ask(8 * 60 + chance.int(540), FOUND, [found], found);
    }
    // A test is corrected, and its marks are put in.
    if (chance.happens(0.5)) {
      const { id, pupils } = chance.pick(own);
      for (let look = 0; look < 4; look += 1) {
        const rows = pupils.length * 6;
        diary.ask(18 * 60 + look * 15, SUBJECT_MARKS, [id, 'français'], pupils, { rows, exact: false });
      }
    }
    // The first days: every list, to learn the names.
    if (day.start) {
      for (const { id, pupils } of own)
        for (let look = 0; look < 3; look += 1) diary.ask(17 * 60 + chance.int(180), LIST, [id], pupils);
    }
    // Every pupil's page once, a part of the classes an evening; of the own class twice, for its council.
    if (day.reports) {
      const evening = chance.some(own, Math.ceil(own.length / chance.between(2, 6)));
      for (const [turn, { pupils }] of [...evening, ...(council ? [council] : [])].entries()) {
        for (const [at, pupil] of pupils.entries()) marksOf(17 * 60 + turn * 30 + at, pupil);
      }
    }
    return diary.inOrder();
  };
}

const FILE =
  'SELECT id, ine, first_name, last_name, birth_date, address, postal_code, city, class_id FROM students WHERE id = $1';
const PARENTS = 'SELECT student_id, last_name, phone, email FROM parents WHERE student_id = $1';
const PUPIL_ABSENCES = 'SELECT student_id, day, half_day, justified, reason FROM absences WHERE student_id = $1';
const DAY_ABSENCES = `SELECT s.id, s.last_name, a.half_day FROM absences a JOIN students s ON s.id = a.student_id WHERE a.day = $1`;
const ALL_PUPILS =
  'SELECT id, ine, first_name, last_name, birth_date, address, postal_code, city, class_id FROM students';
const CLASS_MARKS = `SELECT g.student_id, g.subject, g.term, g.mark FROM grades g JOIN students s ON s.id = g.student_id WHERE s.class_id = $1`;

/** Four people by one account, eight to six. */
export function office(school: School, chance: Chance): Work {
  return (day) => {
    if (!day.school) return [];
    const diary = new Diary(day.midnight);
    const anyTime = (): number => 8 * 60 + chance.int(600);
    const wholeSchool = (): void => diary.ask(anyTime(), ALL_PUPILS, [], school.pupils, { rowBytes: 200 });
    // Telephone calls, certificates, letters: a pupil's whole file.
    for (let calls = chance.times(day.start ? 150 : 60); calls > 0; calls -= 1) {
      const pupil = chance.pick(school.pupils);
      const at = anyTime();
      diary.ask(at, FILE, [pupil], [pupil], { rowBytes: 200 });
      diary.ask(at, PARENTS, [pupil], [pupil], { rows: 2, rowBytes: 150, exact: false });
      diary.ask(at, PUPIL_ABSENCES, [pupil], [pupil], { rows: 8, exact: false });
      if (chance.happens(0.2)) diary.ask(at, MARKS, [pupil], [pupil], { rows: school.marks });
    }
    // The list of absences, twice a day; in the season of colds one of eight is missing.
    for (const minutes of [9 * 60 + 30, 14 * 60 + 30]) {
      const missing = chance.some(school.pupils, chance.times(school.pupils.length * (day.reports ? 0.12 : 0.07)));
      diary.ask(minutes, DAY_ABSENCES, [day.date], missing, { exact: false });
    }
    for (let lists = chance.times(5); lists > 0; lists -= 1) {
      const { id, pupils } = chance.pick(school.classes);
      diary.ask(anyTime(), LIST, [id], pupils);
    }
    // Whole lists: registers in the first days, a return to the authority now and then.
    for (let lists = day.start ? 4 : chance.times(0.1); lists > 0; lists -= 1) wholeSchool();
    // Report cards are printed class by class in an afternoon, on two or three days; some again.
    if (day.date >= '2026-12-07' && chance.happens(0.5)) {
      for (const [turn, { id, pupils }] of school.classes.entries()) {
        const rows = pupils.length * school.marks;
        for (let prints = chance.happens(0.1) ? 2 : 1; prints > 0; prints -= 1)
          diary.ask(14 * 60 + turn * 4, CLASS_MARKS, [id], pupils, { rows });
      }
    }
    return diary.inOrder();
  };
}

const DINERS = 'SELECT s.id, s.first_name, c.name FROM students s JOIN classes c ON c.id = s.class_id';
const DINER = 'SELECT id, first_name, class_id FROM students WHERE id = $1';

/** A machine: a nightly job about midnight that begins up to ten minutes earlier or later, a list for the cooks, and parents who book. */
export function canteen({ diners }: School, chance: Chance): Work {
  return (day) => {
    const diary = new Diary(day.midnight);
    const list = (minutes: number): void => diary.ask(minutes, DINERS, [], diners);
    const job = chance.between(-10, 10);
    list(job);
    // Its server was restarted in the middle of it.
    if (chance.happens(0.05)) list(job + 5);
    if (day.school) list(11 * 60 + chance.int(10));
    // Each family books once a week, half of them on Sunday evening; in the first days all look several times.
    const sunday = new Date(day.midnight + 43_200_000).getUTCDay() === 0;
    const bookings = diners.length * (sunday ? 0.5 : 0.1) * (day.start ? 4 : 1);
    for (let times = chance.times(bookings); times > 0; times -= 1) {
      const pupil = chance.pick(diners);
      const minutes = sunday ? 18 * 60 + chance.int(240) : 7 * 60 + chance.int(900);
      for (let pages = 0; pages < 4; pages += 1) diary.ask(minutes + pages, DINER, [pupil], [pupil]);
    }
    return diary.inOrder();
  };
}

/** 1,200 subscribers of all schools. One in eight signs in on a school day, two of three of them between five and seven. */
export function homework({ everywhere }: School, chance: Chance): Work {
  const subscribers = Array.from({ length: 1_200 }, (_, i) => 1 + ((i * 83) % everywhere));
  return (day) => {
    const diary = new Diary(day.midnight);
    const part = day.school ? (day.start ? 0.2 : day.reports ? 0.16 : 0.125) : 0.05;
    for (const pupil of subscribers) {
      if (!chance.happens(part)) continue;
      const minutes = chance.happens(0.66) ? 17 * 60 + chance.int(120) : 8 * 60 + chance.int(840);
      for (let pages = chance.between(1, 5); pages > 0; pages -= 1)
        diary.ask(minutes + pages * 2, DINER, [pupil], [pupil]);
    }
    return diary.inOrder();
  };
}

const GROUPED = 'SELECT subject, term, count(*), avg(mark) FROM grades GROUP BY subject, term';
/** A subject, a term, a count and an average, at most. */
const VALUES_OF_GROUP = 7;
/** Rows of a result: by level, by subject and term, by school, by school and level. */
const GROUPS = [4, 12, 30, 200, 800] as const;

/** Two or three analysts: a few dozen questions a day, mostly of a few rows; every second day a table of all schools; three times as many at the end of a term. */
export function statistics(_school: School, chance: Chance): Work {
  return (day) => {
    if (!day.school) return [];
    const diary = new Diary(day.midnight);
    for (let questions = chance.times(day.reports ? 75 : 25); questions > 0; questions -= 1) {
      const rows = chance.happens(0.06) ? chance.pick(GROUPS.slice(3)) : chance.pick(GROUPS.slice(0, 3));
      diary.ask(9 * 60 + chance.int(480), GROUPED, [], [], { rows, told: rows * VALUES_OF_GROUP, exact: false });
    }
    return diary.inOrder();
  };
}
