/** What is cut from the sample database to make, by hand, one that holds only what a role of the sample policies was granted. */
import type { PrincipalName } from './world.ts';

export const CUTS: Readonly<Record<PrincipalName, string>> = {
  teacher: `
    DROP TABLE parents;
    ALTER TABLE students DROP ine, DROP address, DROP postal_code, DROP city, DROP canteen;
    ALTER TABLE absences DROP reason;
    ALTER TABLE teachers DROP email;`,
  office: `
    ALTER TABLE grades DROP comment;`,
  canteen: `
    DROP TABLE absences, grades, parents, teachers;
    ALTER TABLE students DROP ine, DROP last_name, DROP birth_date, DROP sex, DROP address, DROP postal_code, DROP city,
      DROP school_id, DROP canteen, DROP photo_consent;
    ALTER TABLE classes DROP school_id, DROP school_year;
    DROP TABLE schools, academies;
    DROP FUNCTION school_year;`,
  statistics: `
    DROP TABLE parents, teachers;
    ALTER TABLE absences DROP id, DROP student_id, DROP reason;
    ALTER TABLE grades DROP id, DROP student_id, DROP comment;
    ALTER TABLE students DROP id, DROP ine, DROP first_name, DROP last_name, DROP address, DROP postal_code, DROP city,
      DROP photo_consent;`,
  dba: '',
};
