/** Made-up pupils with unique names and numbers: each of them is recognised in any bytes that come to a client. */

export const PUPILS = 400;
/** Their numbers are this one and those behind it. */
export const FIRST = 910_001;

const LETTERS = 'bcdfghjklmnpqrstvwxz';

/** Four letters, other ones for each pupil, and in no order. */
function letters(id: number): string {
  let rest = ((id - FIRST) * 7919 + 4242) % LETTERS.length ** 4;
  let text = '';
  for (let i = 0; i < 4; i += 1) {
    text += LETTERS[rest % LETTERS.length];
    rest = Math.floor(rest / LETTERS.length);
  }
  return text;
}

/** `Qkfzby`: the pupil's name. */
const nameOf = (id: number): string => `Q${letters(id)}y`;

const ids: readonly number[] = Array.from({ length: PUPILS }, (_, i) => FIRST + i);
const byLetters = new Map(ids.map((id) => [letters(id), id]));

/** Names (Q), what is written about an absence (W) and a letter home (L). */
const WORDS = /[QWL]([bcdfghjklmnpqrstvwxz]{4})y/g;
const NUMBERS = /(?<!\d)910\d{3}(?!\d)/g;
const LONG_NUMBERS = /\d{13,}/g;
/** Of the record of a refusal: its letters and digits are random, and of ten thousand one may look like a number. */
const IDS = /(?<=Decision )[0-9A-HJKMNP-TV-Z]{26}\b/g;
const HEX = /(?:[0-9a-f]{2}){6,}/gi;

/** The pupils in these bytes: by name, by number, in hexadecimal digits, or in the digits of a long number. */
export function pupilsIn(bytes: Buffer): Set<number> {
  const found = new Set<number>();
  look(bytes.toString('latin1').replace(IDS, ''), found);
  return found;
}

/** Pupils as they are named in these bytes, one after the other: `Q` where it is a name, `L` in a letter home. */
export function namedIn(bytes: Buffer, initial: 'Q' | 'L'): number[] {
  const words = [...bytes.toString('latin1').matchAll(WORDS)].filter(([word]) => word.startsWith(initial));
  return words.flatMap(([, letters = '']) => byLetters.get(letters) ?? []);
}

function look(text: string, found: Set<number>, inside = false): void {
  for (const [, word = ''] of text.matchAll(WORDS)) add(byLetters.get(word), found);
  for (const [number] of text.matchAll(NUMBERS)) add(Number(number), found);
  if (inside) return;
  for (const [hex] of text.matchAll(HEX)) look(Buffer.from(hex, 'hex').toString('latin1'), found, true);
  for (const [number] of text.matchAll(LONG_NUMBERS)) {
    const digits = BigInt(number).toString(16);
    look(Buffer.from(digits.length % 2 ? `0${digits}` : digits, 'hex').toString('latin1'), found, true);
  }
}

function add(id: number | undefined, found: Set<number>): void {
  if (id !== undefined && id >= FIRST && id < FIRST + PUPILS) found.add(id);
}

/** One absence and one letter home of each; every guardian has the pupils n and n + 1. */
export function schema(): string {
  return `
CREATE TABLE rooms (id integer PRIMARY KEY, name text);
CREATE TABLE pupils (id integer PRIMARY KEY, first_name text NOT NULL, class_id integer NOT NULL, age integer NOT NULL);
CREATE TABLE absences (id integer PRIMARY KEY, pupil_id integer NOT NULL, reason text, minutes integer);
CREATE TABLE letters (id integer PRIMARY KEY, pupil_id integer NOT NULL, body text);
CREATE TABLE guardians (id integer PRIMARY KEY, pupil_ids integer[] NOT NULL, phone text);
CREATE TABLE notes (id serial PRIMARY KEY, body text);
CREATE VIEW roll AS SELECT class_id, first_name FROM pupils;
INSERT INTO rooms SELECT n, 'room ' || n FROM generate_series(1, 500) AS n;
${resetRows()};
ANALYZE`;
}

/** Restores all rows to the beginning. */
export function resetRows(): string {
  const rows = ids.map((id) => `(${id}, '${nameOf(id)}', ${id % 10}, ${10 + (id % 9)})`);
  return `
TRUNCATE pupils, absences, letters, guardians, notes;
INSERT INTO pupils VALUES ${rows.join()};
INSERT INTO absences SELECT id - ${FIRST - 1}, id, 'W' || substr(first_name, 2), id % 50 FROM pupils;
INSERT INTO letters SELECT id - ${FIRST - 1}, id, 'L' || substr(first_name, 2) FROM pupils;
INSERT INTO guardians SELECT id - ${FIRST - 1}, ARRAY[id, id + 1], 'phone' FROM pupils WHERE id < ${FIRST + PUPILS - 1}`;
}
