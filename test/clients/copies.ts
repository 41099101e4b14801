/** Copies of the sample database with everything removed by hand that a role of the sample policies was not granted. */
import { grantRows } from '../../src/demo/database.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import type { PrincipalName } from './world.ts';

export type Copies = Map<string, FreshDatabase>;

/** By principal; `user` may read what is left of each. `more`: what is made beside the sample, before the cut. */
export async function copiesFor(principals: readonly PrincipalName[], user: string, more?: string): Promise<Copies> {
  const made = principals.map(async (principal) => {
    const copy = await freshDatabase();
    await seedSmall(copy.url);
    if (more !== undefined) await copy.query(more);
    await copy.query(CUTS[principal]);
    await grantRows(copy.url, user);
    return [principal, copy] as const;
  });
  return new Map(await Promise.all(made));
}

export async function dropCopies(copies: Copies | undefined): Promise<void> {
  await Promise.all([...(copies?.values() ?? [])].map((copy) => copy.drop()));
}

const OTHER_SCHOOLS = `
    DELETE FROM absences WHERE student_id IN (SELECT id FROM students WHERE school_id <> 1);
    DELETE FROM grades WHERE student_id IN (SELECT id FROM students WHERE school_id <> 1);
    DELETE FROM parents WHERE student_id IN (SELECT id FROM students WHERE school_id <> 1);
    DELETE FROM students WHERE school_id <> 1;
    DELETE FROM classes WHERE school_id <> 1;
    DELETE FROM teachers WHERE school_id <> 1;`;
/** But where the mask itself fails. */
const YEAR_OF_BIRTH = `
    UPDATE students SET birth_date = date_trunc('year', birth_date::timestamp)::date WHERE birth_date <> '5874897-12-31';`;

const CUTS: Readonly<Record<PrincipalName, string>> = {
  teacher: `${OTHER_SCHOOLS} ${YEAR_OF_BIRTH}
    DELETE FROM absences WHERE day < '2026-09-01';
    DROP TABLE parents;
    ALTER TABLE students DROP ine, DROP address, DROP postal_code, DROP city, DROP canteen;
    ALTER TABLE absences DROP reason;
    ALTER TABLE teachers DROP email;`,
  office: `${OTHER_SCHOOLS}
    ALTER TABLE grades DROP comment;`,
  canteen: `${OTHER_SCHOOLS}
    DROP TABLE absences, grades, parents, teachers;
    DELETE FROM students WHERE NOT canteen;
    ALTER TABLE students DROP ine, DROP last_name, DROP birth_date, DROP sex, DROP address, DROP postal_code, DROP city,
      DROP school_id, DROP canteen, DROP photo_consent;
    ALTER TABLE classes DROP school_id, DROP school_year;
    DROP TABLE schools, academies;
    DROP FUNCTION school_year;`,
  statistics: `${YEAR_OF_BIRTH}
    DROP TABLE parents, teachers;
    ALTER TABLE absences DROP id, DROP student_id, DROP reason;
    ALTER TABLE grades DROP id, DROP student_id, DROP comment;
    ALTER TABLE students DROP id, DROP ine, DROP first_name, DROP last_name, DROP address, DROP postal_code, DROP city,
      DROP photo_consent;`,
  dba: '',
};
