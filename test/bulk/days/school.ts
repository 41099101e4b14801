/** The school of the honest days, and the days on which it is open. */

export interface SchoolClass {
  readonly id: number;
  readonly pupils: readonly number[];
}

export interface School {
  readonly classes: readonly SchoolClass[];
  readonly pupils: readonly number[];
  /** Pupils who eat at school. */
  readonly diners: readonly number[];
  /** Marks of each pupil, in all subjects, by the end of a term. */
  readonly marks: number;
  /** Pupils of all schools in the database; their ids are 1, 2, … */
  readonly everywhere: number;
}

/** A large one: 1,000 pupils in 40 classes, two of three eat there. */
export function largeSchool(): School {
  const classes = Array.from({ length: 40 }, (_, c) => ({
    id: c + 1,
    pupils: Array.from({ length: 25 }, (_, p) => c * 25 + p + 1),
  }));
  const pupils = classes.flatMap((each) => each.pupils);
  return { classes, pupils, diners: pupils.filter((id) => id % 3 !== 0), marks: 40, everywhere: 100_000 };
}

export interface Day {
  /** `2026-11-30` */
  readonly date: string;
  /** Midnight in France, milliseconds since the epoch. */
  readonly midnight: number;
  readonly school: boolean;
  /** The first four school days: lists are made, classes change. */
  readonly start: boolean;
  /** The two weeks of report cards and class councils. */
  readonly reports: boolean;
}

const HOUR_MS = 3_600_000;

/** From the first of September 2026 to the eleventh of December: a start of the year, autumn holidays, report cards. */
export function days(): Day[] {
  const all: Day[] = [];
  for (let at = Date.parse('2026-09-01T00:00:00Z'); at <= Date.parse('2026-12-11T00:00:00Z'); at += 24 * HOUR_MS) {
    const date = new Date(at).toISOString().slice(0, 10);
    const weekend = [0, 6].includes(new Date(at).getUTCDay());
    const holiday = (date >= '2026-10-17' && date <= '2026-11-01') || date === '2026-11-11';
    // Summer time ends on the 25th of October.
    const ahead = date <= '2026-10-25' ? 2 : 1;
    all.push({
      date,
      midnight: at - ahead * HOUR_MS,
      school: !weekend && !holiday,
      start: date <= '2026-09-04',
      reports: date >= '2026-11-30',
    });
  }
  return all;
}
