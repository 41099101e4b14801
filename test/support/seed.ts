/** The demo's tables with a few hundred pupils, and on top of them rows that break careless code: quotes, other scripts, NULLs, values that fail casts. */
import pg from 'pg';
import { fillDatabase } from '../../src/demo/database.ts';

/** Generated pupils have ids 1 … 240, four schools have ids 1 … 4; `AWKWARD` pupils follow. */
export const SMALL = { schools: 4, students: 240 } as const;

/** Ids from 1001: odd ones in school 1, even ones in school 2; so a role of school 1 sees half of them and half are hidden from it. */
const AWKWARD = `
INSERT INTO students (id, ine, first_name, last_name, birth_date, sex, address, postal_code, city, class_id, school_id, canteen, photo_consent) VALUES
  (1001, '1001000001A', 'Zoé "Zo"', 'O''Brien', '2014-02-28', 'F', E'1, rue de l''Église\\nBât. B', '2A004', 'Ajaccio', 1, 1, true, NULL),
  (1002, '1002000001A', 'Zoé "Zo"', 'O''Brien', '2014-02-28', 'F', E'2, rue de l''Église\\nBât. C', '2B033', 'Bastia', 21, 2, true, NULL),
  (1003, 'not-a-number', '李', '雷', NULL, NULL, NULL, NULL, NULL, NULL, 1, false, NULL),
  (1004, 'also-no-number', '𝒜lix', 'الطالب', NULL, NULL, NULL, NULL, NULL, NULL, 2, false, NULL),
  (1005, '1005000001A', E'Ame\\u0301lie', 'd’Étoile', 'infinity', 'F', '100 %', '', '', 1, 1, false, true),
  (1006, '1006000001A', E'Ame\\u0301lie', 'd''Etoile', '-infinity', 'F', '100 %', '0', '_', 21, 2, false, true),
  (1007, '1007000001A', 'Robert'');--', $$a\\b$$, '0044-03-15 BC', 'M', '/* */ -- $$', '1e400', '%', 1, 1, true, false),
  (1008, '1008000001A', '$1', $$\\$$, '5874897-12-31', 'M', ';', 'NaN', E'\\t', 21, 2, true, false),
  (1009, '1009000001A', '', ' ', '2014-02-28', 'F', repeat('é', 3000), '99999999999', 'Œuilly', 2, 1, false, false),
  (1010, '1010000001A', 'ﬁn🧒🏽', 'ẞtraße', '2012-02-29', 'M', repeat('ñ', 3000), '-1', 'İstanbul', 22, 2, false, false);
INSERT INTO parents (student_id, first_name, last_name, phone, email, relationship) VALUES
  (1001, 'Maud', 'O''Brien', '+33 6 39 98 00 01', 'not an address', 'mère'),
  (1002, 'Siobhán', 'O''Brien', 'none', NULL, NULL),
  (1003, '母', '雷', NULL, NULL, 'tutrice');
INSERT INTO absences (student_id, day, half_day, justified, reason) VALUES
  (1001, '2026-10-05', 'matin', true, 'maladie'),
  (1001, '2026-10-05', 'après-midi', false, NULL),
  (1002, '2026-10-05', 'matin', true, 'hospitalisation'),
  (1003, 'infinity', 'matin', false, ''),
  (1004, '0044-03-15 BC', 'matin', false, E'\\\\');
INSERT INTO grades (student_id, subject, term, mark, comment) VALUES
  (1001, 'français', 1, 20, '0'),
  (1002, 'français', 1, 0, 'absent'),
  (1003, 'mathématiques', 2147483647, NULL, '1e400'),
  (1004, 'mathématiques', -2147483648, 0.01, NULL);
SELECT setval(pg_get_serial_sequence('students', 'id'), 2000);
`;

/** Fills an empty database; the same rows each time. About 100 ms. */
export async function seedSmall(url: string): Promise<void> {
  await fillDatabase(url, SMALL);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(AWKWARD);
  await client.end();
}
