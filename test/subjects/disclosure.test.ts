/** Tests the proofs about a statement, and so its cost: honest statements are cheap, and former ways around the count are expensive. */
import { beforeAll, expect, test } from 'vitest';
import { moved } from '../../src/guard/subjects/moved.ts';
import { testSince } from '../support/since.ts';
import { MEETS_NULLS, type SubjectWorld, subjectWorld, written } from './world.ts';

let world: SubjectWorld;
beforeAll(async () => {
  world = await subjectWorld();
  await world.database.drop();
});

/** In the notation of `written`: the people it gives; which columns show the keys of its rows, and which are values; which answer is free. */
type Case = readonly [note: string, sql: string, disclosure: string];

const PINNED: readonly Case[] = [
  ['by a constant', 'SELECT * FROM patient WHERE id = 5', 'pinned 5; [0]; known'],
  ['by a parameter, without the key', 'SELECT name FROM patient WHERE id = $1', 'pinned $1; unnamed; repeated'],
  ['by a list', 'SELECT id FROM patient WHERE id IN (1, 2, $3)', 'pinned 1,2,$3; [0]; known'],
  ['by an array that is bound', 'SELECT id FROM patient WHERE id = ANY ($1)', 'pinned $1[]; [0]; known'],
  ['by an array of constants', 'SELECT id FROM patient WHERE id = ANY (ARRAY[1, $2])', 'pinned 1,$2; [0]; known'],
  ['by an array as text', "SELECT id FROM patient WHERE id = ANY ('{1, 2,NULL}')", 'pinned 1,2; [0]; known'],
  ['cast to the type of the key', 'SELECT id FROM patient WHERE id = $1::integer', 'pinned $1; [0]; known'],
  ['cast to another integer', "SELECT id FROM patient WHERE id = '5'::bigint", 'pinned 5; [0]; known'],
  ['with a sign', 'SELECT id FROM patient WHERE id = -7', 'pinned -7; [0]; known'],
  ['no key', 'SELECT id FROM patient WHERE id = NULL', 'pinned nobody; [0]; known'],
  [
    'texts',
    "SELECT 1 FROM mark WHERE code = 'it''s' AND tag = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
    "pinned it's a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11; unnamed; repeated",
  ],
  [
    'a count and an extreme of a given person',
    'SELECT count(*), max(p.weight) FROM visit v JOIN patient p ON p.id = v.patient_id WHERE p.id = $1',
    'pinned $1; unnamed; repeated',
  ],
  [
    'ON of an inner join',
    'SELECT v.diag FROM patient p JOIN visit v ON v.patient_id = p.id AND p.id = 5',
    'pinned 5; unnamed; repeated',
  ],
  [
    'what is joined to a given person',
    'SELECT v.diag FROM patient p LEFT JOIN visit v ON v.patient_id = p.id WHERE p.id = 5',
    'pinned 5; unnamed; repeated',
  ],
  [
    'a given row of an outer join',
    'SELECT p.name FROM patient p LEFT JOIN visit v ON v.patient_id = p.id WHERE v.patient_id = 5',
    'pinned 5; unnamed; repeated',
  ],
  [
    'inside a query',
    'SELECT x.name FROM (SELECT id, name FROM patient) x WHERE x.id = 5',
    'pinned 5; unnamed; repeated',
  ],
  [
    'inside a WITH',
    'WITH x AS (SELECT id, name FROM patient) SELECT name FROM x WHERE id = 5',
    'pinned 5; unnamed; repeated',
  ],
  ['two keys in one row', 'SELECT note FROM siblings WHERE a = 1 AND b = $1', 'pinned 1 $1; unnamed; repeated'],
  [
    'another person who is given, in a condition',
    'SELECT id FROM visit WHERE patient_id = 5 AND EXISTS (SELECT FROM patient q WHERE q.id = 77 AND q.hiv)',
    'pinned 5 77; unnamed; repeated',
  ],
  [
    'visits in a subquery of the list',
    'SELECT name, (SELECT count(*) FROM visit v WHERE v.patient_id = p.id) FROM patient p WHERE p.id = 5',
    'pinned 5; unnamed; repeated',
  ],
  [
    'a condition that cannot fail',
    "SELECT name FROM patient WHERE id = 5 AND name ILIKE '%a%'",
    'pinned 5; unnamed; repeated',
  ],
  ['a list that can', 'SELECT 1 / weight FROM patient WHERE id = 5', 'pinned 5; unnamed; repeated'],
  [
    'a condition that can',
    'SELECT name FROM patient WHERE id = 5 AND 1 / weight > 0',
    'pinned 5; unnamed; repeated; at-once',
  ],
  ['a view', 'SELECT name FROM named WHERE id = 5', 'pinned 5; unnamed; repeated; at-once'],
  ['a view that computes', 'SELECT name FROM share WHERE id = 5', 'pinned 5; unnamed; repeated; at-once'],
  ['when a row was written', 'SELECT body, xmin FROM profile WHERE patient_id = 5', 'pinned 5; unnamed v1; repeated'],
  ['COPY of a query', 'COPY (SELECT id FROM patient WHERE id = 5) TO STDOUT', 'pinned 5; [0]; known'],
];

const NOT_PINNED: readonly Case[] = [
  ['one of two keys', 'SELECT a, note FROM siblings WHERE a = 1', 'question; [0] [+0]; known; fixed 11'],
  ['a key of another that is computed', 'SELECT id FROM patient WHERE id + 0 = 5', 'question; [0]; known; at-once'],
  [
    'a setting',
    "SELECT id FROM patient WHERE id = current_setting('application_name')::int",
    'question; [0]; known; at-once',
  ],
  [
    'a subquery',
    'SELECT id FROM patient WHERE id = (SELECT max(patient_id) FROM visit)',
    'question; unnamed; repeated; at-once',
  ],
  ['a function', 'SELECT id FROM patient WHERE id = twice(4)', 'question; [0]; known'],
  ['where a row lies', 'SELECT body, ctid FROM profile WHERE patient_id = 5', 'question; [+0] v1; repeated; fixed 11'],
  [
    'where a new row comes to lie',
    'INSERT INTO profile (patient_id) VALUES (5) RETURNING ctid',
    'question; v0; repeated; at-once; writes 0 tag',
  ],
  ['a sample', 'SELECT id FROM patient TABLESAMPLE BERNOULLI (50) WHERE id = 5', 'question; unnamed v0; repeated'],
  [
    'a sample that is not read',
    'WITH s AS (SELECT 1 FROM patient TABLESAMPLE BERNOULLI (50)) SELECT 1',
    'question; unnamed v0; repeated',
  ],
  ['another kind of number', 'SELECT id FROM patient WHERE id = 5.0', 'question; [0]; known'],
  [
    'a number that was rounded',
    'SELECT id FROM patient WHERE id = $1::numeric::integer',
    'question; [0]; known; at-once',
  ],
  [
    'a collation',
    "SELECT note, folded FROM badge WHERE folded = 'x' AND code = 'y' AND tag = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
    'held; [+0] [+1] [1]; known; json 2',
  ],
  ['an operator that looks like it', 'SELECT id FROM patient WHERE id === 5', 'question; [0]; known'],
  ['under OR', 'SELECT id FROM patient WHERE id = 5 OR id = 6', 'question; [0]; known'],
  ['a masked key', 'SELECT id FROM letter WHERE patient_id = 5', 'question; unnamed; repeated'],
  [
    'ON of an outer join for the side that stays',
    'SELECT p.id FROM patient p LEFT JOIN visit v ON v.patient_id = p.id AND p.id = 5',
    'question; [0]; known',
  ],
  [
    'above a window',
    'SELECT c FROM (SELECT id, max(CASE WHEN id = 77 THEN name END) OVER () c FROM patient) x WHERE x.id = 5',
    'question; [+0] v0; repeated; fixed 11',
  ],
  [
    'above an aggregate',
    'SELECT c FROM (SELECT patient_id, count(*) c FROM visit GROUP BY patient_id) x WHERE x.patient_id = 5',
    'question; [+0]; repeated; fixed 11',
  ],
  [
    'above a LIMIT',
    'SELECT name FROM (SELECT id, name FROM patient ORDER BY weight LIMIT 3) x WHERE x.id = 5',
    'question; unnamed; repeated',
  ],
  [
    'above DISTINCT',
    'SELECT ward FROM (SELECT DISTINCT id, ward FROM patient) x WHERE x.id = 5',
    'question; [+0]; repeated; fixed 11',
  ],
  [
    'above a UNION',
    'SELECT w FROM (SELECT id, weight w FROM patient UNION ALL SELECT patient_id, 0 FROM visit) x WHERE x.id = 5',
    'question; [+0]; repeated; fixed 11',
  ],
  [
    'above row locks',
    'SELECT * FROM (SELECT id FROM patient FOR UPDATE) x WHERE x.id = 5',
    'question; [0]; repeated; uncountable: row locks in a query',
  ],
  [
    'a WITH that is read twice',
    'WITH x AS (SELECT id, name FROM patient) SELECT a.name FROM x a, x b WHERE a.id = 5',
    'question; [+0] [+1]; repeated; fixed 11,11',
  ],
  [
    'one that is tied and another',
    'SELECT id FROM visit WHERE patient_id = 5 AND EXISTS (SELECT FROM patient q WHERE q.hiv)',
    'question; unnamed; repeated',
  ],
  ['a view without a key', 'SELECT * FROM roll', 'question; unnamed; repeated; at-once'],
  ['one that calls what may read people', 'SELECT head FROM heads', 'question; unnamed; repeated; at-once'],
  ['by an operator', 'SELECT id FROM unlike', 'question; unnamed; repeated; at-once'],
  ['by the text of a query', 'SELECT names FROM listed', 'question; unnamed; repeated; at-once'],
  ['by the check of a domain', 'SELECT id FROM persons', 'question; unnamed v0; repeated; at-once; elsewhere'],
  [
    'a table whose rows are those of people who inherit from it',
    'SELECT nights FROM stay',
    'question; unnamed; repeated',
  ],
  ['and a view of it', 'SELECT nights FROM nights', 'question; unnamed; repeated; at-once'],
  [
    'a function that reads',
    'SELECT id, name_of(id + 1) FROM patient WHERE id = 5',
    'question; [0] v1; repeated; at-once; elsewhere',
  ],
  ['EXPLAIN', 'EXPLAIN SELECT id FROM patient WHERE id = 5', 'question; unnamed; repeated'],
  ['SKIP LOCKED', 'SELECT id FROM patient WHERE id = 5 FOR UPDATE SKIP LOCKED', 'question; unnamed; repeated'],
  ['NOWAIT', 'SELECT id FROM patient WHERE id = 5 FOR UPDATE NOWAIT', 'question; unnamed; repeated'],
];

const HELD: readonly Case[] = [
  ['by a primary key', 'SELECT patient_id, diag FROM visit WHERE id = 7', 'held; [0]; known'],
  ['with the key added', 'SELECT id, diag FROM visit WHERE id = $1', 'held; [+0]; known; fixed 11'],
  ['with LIMIT 1', 'SELECT * FROM visit WHERE id = $1 LIMIT 1', 'held; [1]; known'],
  [
    'with what is about the same person',
    'SELECT v.*, p.name FROM visit v JOIN patient p ON p.id = v.patient_id WHERE v.id = 7',
    'held; [1]; known',
  ],
  [
    'in a query',
    'SELECT x.* FROM (SELECT * FROM visit WHERE id = 7 LIMIT 1) x LEFT JOIN patient p ON p.id = x.patient_id',
    'held; [1]; known',
  ],
  ['two people', 'SELECT * FROM siblings WHERE id = 4', 'held; [1] [2]; known'],
  [
    'an index that may be deferred',
    "SELECT * FROM lab WHERE code = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
    'question; [1]; known',
  ],
  ['a list of them', 'SELECT * FROM visit WHERE id IN (7, 8)', 'question; [1]; known'],
  ['a part of a key', "SELECT * FROM visit WHERE day = '2026-01-01'", 'question; [1]; known'],
  [
    'beside the rows of another query',
    'SELECT patient_id FROM visit WHERE id = 7 UNION ALL SELECT id FROM patient WHERE ward = 2',
    'question; [0]; known',
  ],
  [
    'beside a row that is given',
    'SELECT 1 UNION ALL SELECT patient_id FROM visit WHERE id = 7',
    'question; [0]; known',
  ],
  [
    'beside another person',
    'SELECT v.*, p.id, p.name FROM visit v, patient p WHERE v.id = 7',
    'question; [1] [5]; known',
  ],
  [
    'beside a value',
    'SELECT v.*, (SELECT count(*) FROM patient) FROM visit v WHERE v.id = 7',
    'question; [1] v5; repeated; at-once',
  ],
];

const NAMED: readonly Case[] = [
  ['a list', 'SELECT id, name, upper(name) FROM patient WHERE ward = 3 ORDER BY name', 'question; [0]; known'],
  ['a key that is added', 'SELECT name FROM patient WHERE ward = 3', 'question; [+0]; known; fixed 11'],
  ['a star beside a query', 'SELECT * FROM (SELECT name, ward FROM patient) x', 'question; [+0]; known; fixed 11'],
  ['a page', 'SELECT id, name FROM patient ORDER BY name LIMIT 20', 'question; [0]; repeated'],
  [
    'a page in an order that leaves nothing open',
    'SELECT id, name FROM patient ORDER BY name, id LIMIT 20',
    'question; [0]; known',
  ],
  ['OFFSET 0', 'SELECT id FROM patient ORDER BY name LIMIT 20 OFFSET 0', 'question; [0]; repeated'],
  ['another page', 'SELECT id, name FROM patient ORDER BY name LIMIT 20 OFFSET 20', 'question; [0]; repeated'],
  ['with a count beside it', 'SELECT id, count(*) OVER () FROM patient LIMIT 20', 'question; [0] v1; repeated'],
  ['tied rows', 'SELECT p.id, v.diag FROM patient p JOIN visit v ON v.patient_id = p.id', 'question; [0]; known'],
  [
    'an outer join',
    'SELECT p.id, v.patient_id, v.diag FROM patient p LEFT JOIN visit v ON v.patient_id = p.id',
    'question; [0,1]; known',
  ],
  [
    'FULL JOIN',
    'SELECT p.id, v.patient_id FROM patient p FULL JOIN visit v ON v.patient_id = p.id',
    'question; [0,1]; known',
  ],
  ['FULL JOIN USING', 'SELECT patient_id FROM visit FULL JOIN profile USING (patient_id)', 'question; [0]; known'],
  [
    'other integers',
    'SELECT l.patient_id, p.name FROM lab l JOIN patient p ON p.id = l.patient_id',
    'question; [0]; known',
  ],
  [
    'a condition on the same person',
    'SELECT id FROM patient p WHERE EXISTS (SELECT FROM visit v WHERE v.patient_id = p.id)',
    'question; [0]; repeated',
  ],
  [
    'and its opposite',
    'SELECT id FROM patient p WHERE NOT EXISTS (SELECT FROM visit v WHERE v.patient_id = p.id)',
    'question; [0]; repeated',
  ],
  [
    'IN',
    "SELECT id FROM patient WHERE id IN (SELECT patient_id FROM visit WHERE diag = 'flu')",
    'question; [0]; repeated',
  ],
  [
    'grouped by the key',
    'SELECT patient_id, count(*), max(diag) FROM visit GROUP BY patient_id HAVING count(*) > 2',
    'question; [0]; repeated',
  ],
  [
    'DISTINCT ON',
    'SELECT DISTINCT ON (patient_id) patient_id, day FROM visit ORDER BY patient_id, day DESC',
    'question; [0]; repeated',
  ],
  [
    'the last visit of each',
    'SELECT p.id, x.day FROM patient p LEFT JOIN LATERAL (SELECT day FROM visit v WHERE v.patient_id = p.id ORDER BY day DESC LIMIT 1) x ON true',
    'question; [0]; known',
  ],
  [
    'a window over the own rows',
    'SELECT id, patient_id, row_number() OVER (PARTITION BY patient_id ORDER BY day) FROM visit',
    'question; [1]; known',
  ],
  [
    'a number over all rows is a value',
    'SELECT id, row_number() OVER (ORDER BY weight) FROM patient ORDER BY weight',
    'question; [0] v1; repeated',
  ],
  [
    'a rank is a value',
    'SELECT id, rank() OVER (ORDER BY weight) FROM patient ORDER BY weight',
    'question; [0] v1; repeated',
  ],
  [
    'a page with its rows',
    'SELECT p.id, v.day FROM (SELECT id FROM patient ORDER BY name LIMIT 10) p LEFT JOIN visit v ON v.patient_id = p.id',
    'question; [0]; repeated',
  ],
  [
    'a page in a WITH',
    'WITH page AS (SELECT * FROM patient ORDER BY name LIMIT 10) SELECT page.*, v.day FROM page LEFT JOIN visit v ON v.patient_id = page.id',
    'question; [0]; repeated',
  ],
  [
    'a page by IN',
    'SELECT * FROM patient WHERE id IN (SELECT id FROM patient ORDER BY name LIMIT 10)',
    'question; [0]; repeated',
  ],
  ['UNION', 'SELECT id, name FROM patient UNION SELECT patient_id, diag FROM visit', 'question; [0]; known'],
  ['EXCEPT', 'SELECT id FROM patient EXCEPT SELECT patient_id FROM visit', 'question; [0]; repeated'],
  [
    'columns about no person beside it',
    'SELECT p.id, c.name FROM patient p JOIN clinics c ON c.id = p.clinic_id',
    'question; [0]; known',
  ],
  [
    'a value in the list',
    'SELECT p.id, (SELECT count(*) FROM patient q WHERE q.ward = p.ward) FROM patient p',
    'question; [0] v1; repeated; at-once',
  ],
  [
    'values alone',
    'SELECT c.name, (SELECT count(*) FROM patient p WHERE p.clinic_id = c.id) FROM clinics c',
    'question; v1; repeated; at-once',
  ],
  [
    'a dashboard',
    'SELECT (SELECT count(*) FROM patient), (SELECT count(*) FROM visit)',
    'question; v0 v1; repeated; at-once',
  ],
  ['row locks', 'SELECT id FROM patient WHERE ward = 3 FOR UPDATE', 'question; [0]; known'],
  ['COPY of a table', 'COPY visit TO STDOUT', 'question; [1]; known'],
];

/** As Prisma, Drizzle, Hasura and PostgREST send them. */
const INCLUDES: readonly Case[] = [
  [
    'of the own rows, in a LATERAL',
    `SELECT t1.id, t1.name, j.data FROM patient AS t1 LEFT JOIN LATERAL (SELECT coalesce(jsonb_agg(t4.o), '[]') AS data
       FROM (SELECT t3.o FROM (SELECT jsonb_build_object('id', t2.id, 'day', t2.day) AS o FROM (SELECT * FROM visit AS t5 WHERE t5.patient_id = t1.id) AS t2) AS t3) AS t4) AS j ON true`,
    'question; [0]; known; at-once',
  ],
  [
    'of the own rows, in a subquery',
    `SELECT p.id, (SELECT coalesce(json_agg(json_build_array(v.id, v.day)), '[]') FROM visit v WHERE v.patient_id = p.id) FROM patient p`,
    'question; [0]; known; at-once',
  ],
  [
    'of people, in a LATERAL',
    `SELECT c.id, c.name, j.data FROM clinics c LEFT JOIN LATERAL (SELECT coalesce(json_agg(json_build_array(p.id, p.name)), '[]') AS data
       FROM (SELECT * FROM patient p WHERE p.clinic_id = c.id ORDER BY p.name, p.id LIMIT 10) p) j ON true WHERE c.beds > 3 ORDER BY c.name LIMIT 20`,
    'question; [+0]; repeated; at-once; json 1',
  ],
  [
    'each of which is chosen in an order that others may decide',
    `SELECT c.id, j.data FROM clinics c LEFT JOIN LATERAL (SELECT json_agg(p.name) AS data
       FROM (SELECT * FROM patient p WHERE p.clinic_id = c.id ORDER BY p.name LIMIT 10) p) j ON true`,
    'question; unnamed; repeated; at-once',
  ],
  [
    'two of them',
    `SELECT c.id, a.data, b.data FROM clinics c LEFT JOIN LATERAL (SELECT json_agg(p.name) AS data FROM patient p WHERE p.clinic_id = c.id) a ON true
       LEFT JOIN LATERAL (SELECT json_agg(v.diag) AS data FROM visit v WHERE v.clinic_id = c.id) b ON true WHERE c.id = $1`,
    'question; [+0] [+1]; known; at-once; json 2',
  ],
  [
    'all of a query',
    `SELECT coalesce(json_agg(t), '[]') AS body, count(*) AS total FROM (SELECT id, name FROM patient WHERE ward = 3 LIMIT 10) t`,
    'question; [+0]; repeated; at-once; json 1',
  ],
  [
    'all of a query, without the key',
    `SELECT coalesce(json_agg("root"), '[]') AS "root" FROM (SELECT row_to_json((SELECT "_e" FROM (SELECT "base"."name" AS "name", "visits"."v" AS "v") AS "_e")) AS "root"
       FROM (SELECT * FROM "public"."patient" WHERE ward = 3) AS "base" LEFT OUTER JOIN LATERAL (SELECT coalesce(json_agg("v"), '[]') AS "v"
         FROM (SELECT * FROM visit WHERE "base".id = patient_id) AS "v") AS "visits" ON ('true')) AS "_root"`,
    'question; [+0]; known; at-once; json 1',
  ],
  [
    'grouped by a table about no person',
    'SELECT c.id, json_agg(p.name) FROM clinics c JOIN patient p ON p.clinic_id = c.id GROUP BY c.id',
    'question; [+0]; known; at-once; json 1',
  ],
  [
    'some groups left out',
    'SELECT c.id, json_agg(p.name) FROM clinics c JOIN patient p ON p.clinic_id = c.id GROUP BY c.id HAVING count(*) > 3',
    'question; unnamed; repeated; at-once',
  ],
  [
    'by what is in them',
    `SELECT c.id FROM clinics c LEFT JOIN LATERAL (SELECT json_agg(p.name) AS data FROM patient p WHERE p.clinic_id = c.id) a ON true WHERE a.data IS NULL`,
    'question; unnamed; repeated; at-once',
  ],
  [
    'or by their number',
    'SELECT c.id, json_agg(p.name) FROM clinics c JOIN patient p ON p.clinic_id = c.id GROUP BY c.id LIMIT 1',
    'question; unnamed; repeated; at-once',
  ],
  [
    'in the columns of a row',
    "SELECT (ROW(string_agg(name, ','), count(*))).* FROM patient",
    'question; unnamed; repeated; at-once',
  ],
  ['of the columns of a row', 'SELECT (ROW(p.weight, p.id)).* FROM patient p', 'question; [+0]; known; fixed 11'],
  [
    'of the columns of a row that is made below, beside a key',
    'SELECT p.id, (x.r).* FROM patient p, (SELECT ROW(max(weight)) r FROM patient) x',
    'question; unnamed; repeated',
  ],
  [
    'of the columns of a row with a value of others',
    'SELECT p.id, (ROW((SELECT q.weight FROM patient q WHERE q.id = 77))).* FROM patient p WHERE p.id = 5',
    'pinned 5 77; unnamed; repeated; at-once',
  ],
  [
    'whose rows have no key',
    'SELECT json_agg(t) FROM (SELECT name FROM patient) t',
    'question; unnamed; repeated; at-once',
  ],
];

/** Former ways around the count: each is now a question whose rows are not named, or the told value is counted. */
const WAYS: readonly Case[] = [
  [
    'many numbers beside a row',
    'SELECT p.id, count(*) FILTER (WHERE p.id = 11 AND g <= ascii(substr(p.name, 1, 1))) OVER () FROM patient p, generate_series(1, 127) g',
    'question; [0] v1; repeated',
  ],
  [
    'of a table about no person',
    'SELECT count(c.id) OVER () FROM patient p LEFT JOIN clinics c ON c.id <= p.weight',
    'question; [+0] v0; repeated; fixed 11',
  ],
  [
    'hypothetical sets',
    'SELECT rank(1) WITHIN GROUP (ORDER BY CASE WHEN p.id = 11 AND g <= p.weight THEN 0 ELSE 2 END) FROM patient p, generate_series(1, 9) g',
    'question; unnamed; repeated; at-once',
  ],
  [
    'ranks',
    'SELECT p.id, rank() OVER (ORDER BY CASE WHEN p.id = 11 THEN p.weight ELSE 60 END) FROM patient p',
    'question; [0] v1; repeated',
  ],
  [
    'sizes of partitions',
    'SELECT p.id, count(*) OVER (PARTITION BY CASE WHEN p.id = 11 THEN p.weight END) FROM patient p',
    'question; [0] v1; repeated',
  ],
  [
    'the group of all who are missing',
    'SELECT v.patient_id, string_agg(p.name, $1) FROM patient p LEFT JOIN visit v ON v.patient_id = p.id GROUP BY v.patient_id',
    'question; [0]; known; at-once',
  ],
  [
    'conditions that choose rows',
    'SELECT s.id FROM patient s JOIN patient t ON t.id = (SELECT q.weight - 39 FROM patient q WHERE q.id = s.id + 1000)',
    'question; unnamed; repeated; at-once',
  ],
  [
    'LATERAL with an OFFSET',
    'SELECT c.id, x.id FROM clinics c CROSS JOIN LATERAL (SELECT id FROM patient p WHERE p.ward = c.id ORDER BY weight LIMIT 1 OFFSET 2) x JOIN patient y ON y.id = x.id',
    'question; unnamed; repeated',
  ],
  [
    'an OFFSET for each row of another table',
    'SELECT x.id FROM generate_series(1, 100) g CROSS JOIN LATERAL (SELECT id FROM patient ORDER BY NOT (id = 5 AND weight > g), id LIMIT 1 OFFSET 1) x',
    'question; unnamed; repeated',
  ],
  [
    'the same by IN',
    'SELECT p.id FROM generate_series(1, 100) g, patient p WHERE p.id IN (SELECT id FROM patient ORDER BY NOT (id = 5 AND weight > g), id LIMIT 1 OFFSET 1)',
    'question; unnamed; repeated',
  ],
  [
    'two of them',
    '(SELECT id FROM patient ORDER BY weight, id LIMIT 1 OFFSET 1) UNION ALL (SELECT id FROM patient ORDER BY ward, id LIMIT 1 OFFSET 1)',
    'question; unnamed v0; repeated',
  ],
  [
    'two of them, as one row each',
    `SELECT a.x, b.x FROM (SELECT json_agg(id) x FROM (SELECT id FROM patient ORDER BY weight, id LIMIT 1 OFFSET 1) y) a
       LEFT JOIN (SELECT json_agg(id) x FROM (SELECT id FROM patient ORDER BY ward, id LIMIT 1 OFFSET 1) y) b ON true`,
    'question; unnamed; repeated; at-once',
  ],
  [
    'one of them',
    '(SELECT id FROM patient ORDER BY weight, id LIMIT 1 OFFSET 1) UNION ALL (SELECT id FROM patient ORDER BY ward, id LIMIT 1)',
    'question; [0]; repeated',
  ],
  [
    'one person of each group, in an open order',
    'SELECT DISTINCT ON (ward) id FROM patient ORDER BY ward, weight',
    'question; unnamed; repeated',
  ],
  ['in one that is not', 'SELECT DISTINCT ON (ward) id FROM patient ORDER BY ward, weight, id', 'question; [0]; known'],
  [
    'one row of each person',
    'SELECT DISTINCT ON (patient_id) patient_id, day FROM visit ORDER BY patient_id, day',
    'question; [0]; repeated',
  ],
  [
    'EXCEPT by a collation that takes keys for alike',
    "SELECT address FROM mail WHERE id = 3 EXCEPT SELECT code FROM stamp WHERE note = 'x'",
    'question; unnamed; repeated',
  ],
  ['and by their own', "SELECT 'a' EXCEPT SELECT code FROM stamp WHERE note = 'x'", 'question; [0]; repeated'],
  ['EXCEPT of others', 'SELECT 5 AS id EXCEPT SELECT 5 FROM patient WHERE weight > 70', 'question; unnamed; repeated'],
  [
    'row numbers filtered from outside',
    'SELECT id FROM (SELECT id, row_number() OVER (ORDER BY weight) n FROM patient) x WHERE n = 3',
    'question; unnamed; repeated',
  ],
  [
    'a window in ORDER BY',
    `SELECT g FROM patient p CROSS JOIN generate_series(1, 9) g ORDER BY p.id <> 5, get_bit(convert_to(string_agg(name, '') OVER (), 'UTF8'), g)`,
    'question; unnamed; repeated; at-once',
  ],
  [
    'the order of a window',
    'SELECT id, 0 * row_number() OVER (ORDER BY (SELECT q.weight FROM patient q WHERE q.id = p.id + 1)) FROM patient p',
    'question; unnamed v1; repeated; at-once',
  ],
  [
    'an anti-join',
    'SELECT p.id, g FROM patient p CROSS JOIN generate_series(1, 1000000) g LEFT JOIN patient q ON q.id = g AND q.hiv WHERE p.id = 5 AND q.id IS NULL',
    'question; [0] [+0]; known; fixed 11',
  ],
  [
    'a LIMIT that is a value',
    'SELECT id FROM clinics LIMIT (SELECT weight FROM patient WHERE id + 0 = 77)',
    'question; unnamed; repeated; at-once',
  ],
  ['WITH TIES', 'SELECT id FROM patient ORDER BY weight FETCH FIRST 3 ROWS WITH TIES', 'question; unnamed; repeated'],
  [
    'rows of a function in the list',
    'SELECT id, generate_series(1, (SELECT weight FROM patient q WHERE q.id = p.id + 1)) FROM patient p',
    'question; unnamed v1; repeated; at-once',
  ],
  [
    'the order of rows that are sorted alike, under a LIMIT',
    'SELECT id FROM patient ORDER BY CASE WHEN id < 4 THEN 0 ELSE weight END LIMIT 3',
    'question; [0]; repeated',
  ],
  [
    'the same of a masked key',
    'SELECT id FROM letter ORDER BY body, patient_id LIMIT 3',
    'question; unnamed; repeated',
  ],
  [
    'a unique key whose NOT NULL is not validated: NULLs of many are sorted alike',
    'SELECT patient_id FROM queue ORDER BY place LIMIT 3',
    'question; [0]; repeated',
  ],
  [
    'and of one of two tables',
    'SELECT p.id, v.day FROM patient p JOIN visit v ON v.patient_id = p.id ORDER BY p.id LIMIT 3',
    'question; [0]; repeated',
  ],
  [
    'the order of groups that HAVING leaves',
    'SELECT id FROM patient GROUP BY weight * 7919, id HAVING bool_or(id < 4)',
    'question; [0]; repeated; at-once',
  ],
  [
    'and of rows that were sorted with others',
    'SELECT id FROM (SELECT id FROM patient ORDER BY CASE WHEN id < 4 THEN 0 ELSE weight END) x WHERE CASE WHEN clock_timestamp() IS NOT NULL THEN id < 4 END',
    'question; [0]; repeated; at-once',
  ],
  [
    'and of rows that a subquery has chosen',
    'SELECT id FROM patient WHERE id IN (SELECT patient_id FROM visit) AND CASE WHEN clock_timestamp() IS NOT NULL THEN id < 4 END',
    'question; [0]; repeated; at-once',
  ],
  [
    'numbers of rows that do not come',
    "SELECT id, row_number() OVER (ORDER BY id), unnest(string_to_array(name, ' ')) FROM patient ORDER BY id",
    'question; [0] v1; repeated; at-once',
  ],
  [
    'numbers in an order that another window changes',
    'SELECT id, row_number() OVER (), rank() OVER (ORDER BY weight) FROM patient LIMIT 3',
    'question; [0] v1 v2; repeated',
  ],
  [
    'DISTINCT of a value',
    'SELECT DISTINCT p.id, (SELECT q.name FROM patient q WHERE q.id = v.id) FROM patient p JOIN visit v ON v.patient_id = p.id',
    'question; unnamed v1; repeated; at-once',
  ],
  [
    'DISTINCT ON a value',
    'SELECT DISTINCT ON (x) p.id, (SELECT q.weight FROM patient q WHERE q.id = p.id + 1) x FROM patient p',
    'question; unnamed v1; repeated; at-once',
  ],
  [
    'ORDER BY a value',
    'SELECT p.id, (SELECT q.weight FROM patient q WHERE q.id = p.id + 1) x FROM patient p ORDER BY x',
    'question; unnamed v1; repeated; at-once',
  ],
  [
    'ORDER BY its number',
    'SELECT p.id, (SELECT q.weight FROM patient q WHERE q.id = p.id + 1) x FROM patient p ORDER BY 2',
    'question; unnamed v1; repeated; at-once',
  ],
  [
    'GROUP BY a value',
    'SELECT p.id, (SELECT q.weight FROM patient q WHERE q.ward = p.id) x FROM patient p GROUP BY p.id, 2',
    'question; unnamed v1; repeated; at-once',
  ],
  ['NOT IN', 'SELECT id FROM patient WHERE id NOT IN (SELECT patient_id FROM visit)', 'question; unnamed; repeated'],
  [
    'IN a page and one more condition',
    "SELECT * FROM patient WHERE id IN (SELECT id FROM patient ORDER BY name LIMIT 10) AND name > 'M'",
    'question; unnamed; repeated',
  ],
  [
    'a page of a page',
    'SELECT id FROM (SELECT id, name FROM patient ORDER BY weight LIMIT 10) x ORDER BY name LIMIT 1',
    'question; unnamed; repeated',
  ],
  [
    'a page in the middle of a join',
    'SELECT p.id FROM (SELECT id FROM patient ORDER BY weight LIMIT 10) p JOIN visit v ON v.patient_id = p.id',
    'question; unnamed; repeated',
  ],
  [
    'two that equal what may be missing',
    'SELECT a.id, b.id, l.value FROM patient a CROSS JOIN patient b LEFT JOIN lab l ON l.patient_id = a.id AND l.patient_id = b.id',
    'question; [0] [1]; known',
  ],
  ...[
    ['in FROM', 'x y, r WHERE y.id = 1 AND r.id = 1'],
    ['in a subquery', 'patient y, r WHERE y.id IN (SELECT id FROM x) AND r.id = 1'],
    ['by another WITH', 'z y, r WHERE y.id = 1 AND r.id = 1'],
  ].map(
    ([where, from]): Case => [
      `a recursive query over a WITH that was read before, ${where}`,
      `WITH RECURSIVE x AS (SELECT id, weight FROM patient), z AS (SELECT id FROM x), r (id, k) AS (SELECT id, weight FROM x WHERE id + 0 = 77
       UNION ALL SELECT 1, NULL FROM r WHERE k > 60) SELECT y.id, r.id FROM ${from}`,
      'question; unnamed v1; repeated; at-once',
    ],
  ),
  ...[
    'WHERE true OR EXISTS (SELECT FROM clinics c WHERE v.id = 3)',
    'LEFT JOIN LATERAL (SELECT c.id FROM clinics c WHERE v.id = 3) x ON true',
    'LEFT JOIN LATERAL (SELECT c.id FROM clinics c JOIN region b ON v.id = 3) x ON true',
  ].map(
    (inside): Case => [
      `a row that is not held, for a condition of a query inside: ${inside}`,
      `SELECT v.patient_id FROM visit v ${inside} ORDER BY v.day, v.id LIMIT 1 OFFSET 1`,
      'question; [0]; repeated',
    ],
  ),
  ...[
    ['in a query inside', 'patient p WHERE p.id IN (1, 2) AND EXISTS (SELECT FROM clinics c WHERE p.id IN (CHOSEN))'],
    ['in a LATERAL', 'patient p, LATERAL (SELECT FROM clinics c WHERE p.id IN (CHOSEN)) x WHERE p.id IN (1, 2)'],
    ['beside keys in ON', 'patient p JOIN clinics c ON p.id IN (1, 2) WHERE p.id IN (CHOSEN)'],
    ['beside another who is given', 'patient p JOIN patient z ON z.id = p.id AND z.id = 1 WHERE p.id IN (CHOSEN)'],
  ].flatMap(([where, from]): Case[] =>
    ['q ORDER BY q.weight, q.id LIMIT 5', 'q ORDER BY q.weight, q.id OFFSET 2'].map((chosen) => [
      `the first of all, held against keys that are given ${where}: ${chosen}`,
      `SELECT p.id FROM ${from!.replace('CHOSEN', `SELECT q.id FROM patient ${chosen}`)}`,
      'question; unnamed; repeated',
    ]),
  ),
  [
    'a cursor over given people, whose draws nobody pays',
    'DECLARE c CURSOR WITH HOLD FOR SELECT random() FROM patient WHERE id = 77 AND weight > 60',
    'question; unnamed; repeated; at-once; uncountable: random',
  ],
  [
    'and whose locks',
    'DECLARE c CURSOR FOR SELECT 1 FROM (SELECT n.id FROM notes n, patient p WHERE p.id = 77 AND n.id = p.ward FOR UPDATE OF n) x',
    'question; unnamed; repeated; uncountable: row locks in a query',
  ],
  [
    'what SKIP LOCKED reads, stored',
    'UPDATE notes SET body = (SELECT name FROM patient WHERE id = 77 FOR UPDATE SKIP LOCKED) WHERE id = 1',
    'question; unnamed; repeated; at-once; writes 0 tag; uncountable: rows written from people who are not their own',
  ],
  [
    'a recursive query',
    'WITH RECURSIVE r AS (SELECT id, name FROM patient UNION ALL SELECT r.id, p.name FROM r JOIN patient p ON p.id = r.id + 1) SELECT id FROM r',
    'question; unnamed v0; repeated; at-once',
  ],
  [
    'a collation between two keys',
    'SELECT a.code, x.note FROM badge a JOIN (SELECT folded, note FROM badge) x ON x.folded = a.folded',
    'question; [0] [+0] [+1] [+2] [+3] [+4]; repeated; json 5',
  ],
  [
    'a name that a list of aliases gives',
    'SELECT j.x, j.y FROM (visit a JOIN lab b USING (id)) AS j (patient_id, x, c, d, e, y)',
    'question; [0] [1]; known',
  ],
  [
    'one of two people',
    'SELECT s.a, p.name FROM siblings s JOIN patient p ON p.id = s.b',
    'question; [0] [+0]; known; fixed 11',
  ],
  [
    'nextval inside CASE',
    "SELECT CASE WHEN hiv THEN nextval('notes_id_seq') END, id FROM patient",
    'question; [1]; known; at-once; uncountable: nextval',
  ],
  [
    'nextval in a plain list',
    "SELECT nextval('notes_id_seq'), id FROM patient WHERE ward = 3",
    'question; [1]; known; at-once',
  ],
  [
    'and under OFFSET',
    "SELECT nextval('notes_id_seq'), id FROM patient WHERE ward = 3 OFFSET 5",
    'question; [1]; repeated; at-once; uncountable: nextval',
  ],
  [
    'and beside rows of a function',
    "SELECT nextval('notes_id_seq'), id, generate_series(1, 0) FROM patient WHERE ward = 3",
    'question; [1]; known; at-once; uncountable: nextval',
  ],
  [
    'random order',
    'SELECT id FROM patient WHERE ward = 3 ORDER BY random()',
    'question; [0]; known; at-once; uncountable: random',
  ],
  [
    'an order of random identifiers',
    'SELECT id FROM patient WHERE ward = 3 ORDER BY gen_random_uuid()',
    'question; [0]; known; at-once',
  ],
  [
    'of the rows of people who are given',
    'SELECT random() FROM patient WHERE id IN (1, 2)',
    'pinned 1,2; unnamed; repeated',
  ],
  [
    'of all before they are left out',
    'SELECT id FROM patient WHERE CASE WHEN weight > 57 THEN random() END < 2 AND id = 1',
    'pinned 1; [0]; known; at-once; uncountable: random',
  ],
  [
    'random order of people who are given',
    'SELECT id FROM patient WHERE id IN (1, 2) ORDER BY random()',
    'pinned 1,2; [0]; known; at-once; uncountable: random',
  ],
  [
    'set_config',
    "SELECT id FROM patient WHERE set_config('application_name', 'x', false) IS NULL",
    'question; [0]; known; at-once; uncountable: set_config',
  ],
  [
    'a function that leaves something',
    'SELECT id FROM patient WHERE log_it(name) IS NULL',
    'question; unnamed; repeated; at-once; elsewhere; uncountable: log_it',
  ],
  [
    'a function that leaves something, as a field',
    'SELECT id FROM patient WHERE (name).log_it IS NULL',
    'question; unnamed; repeated; at-once; elsewhere; uncountable: log_it',
  ],
  ['keys and values as calls', 'SELECT id(p), name(p) FROM patient p', 'question; [0]; known'],
  ['values as calls, without their keys', 'SELECT name(p) FROM patient p', 'question; [+0]; known; fixed 11'],
  [
    'a key that is asked for as a call',
    'SELECT name(p) FROM patient p WHERE id(p) = 5',
    'question; [+0]; known; fixed 11',
  ],
  [
    'a row as a field of what it is given to',
    'SELECT p.row_to_json FROM patient p',
    'question; [+0]; known; at-once; fixed 11',
  ],
  [
    'values of others beside a key as a call',
    'SELECT id(p), (SELECT max(weight(q)) FROM patient q) FROM patient p',
    'question; [0] v1; repeated; at-once',
  ],
  [
    'the mark of CYCLE inside its query',
    'WITH RECURSIVE r AS (SELECT id, ward FROM patient WHERE id = 1 UNION ALL SELECT p.id, p.ward FROM r JOIN patient p ON p.id = r.ward AND NOT seen) CYCLE id SET seen USING path SELECT id FROM r',
    'question; unnamed v0; repeated',
  ],
  [
    'locks on rows of a view that the query around leaves out',
    'SELECT name FROM named WHERE name > (SELECT name FROM patient WHERE id + 0 = 5) FOR UPDATE',
    'question; unnamed; repeated; at-once; uncountable: row locks in a query',
  ],
  [
    'locks that are not sent',
    'WITH w AS MATERIALIZED (SELECT id FROM patient WHERE hiv FOR UPDATE) SELECT 1',
    'question; unnamed; repeated; uncountable: row locks in a query',
  ],
  [
    'and of the row behind the last',
    'SELECT beds FROM clinics WHERE beds > (SELECT weight FROM patient WHERE id + 0 = 5) ORDER BY beds FETCH FIRST 1 ROWS WITH TIES FOR UPDATE',
    'question; unnamed; repeated; at-once; uncountable: row locks in a query',
  ],
  [
    'of several tables, for a row that names nobody',
    'SELECT 1 FROM notes n, clinics c WHERE (n.id, c.id) = (SELECT ward, clinic_id FROM patient WHERE id + 0 = 5) FOR UPDATE',
    'question; unnamed; repeated; at-once; uncountable: row locks in a query',
  ],
  [
    'of one of them',
    'SELECT 1 FROM notes n, clinics c WHERE (n.id, c.id) = (SELECT ward, clinic_id FROM patient WHERE id + 0 = 5) FOR UPDATE OF c',
    'question; unnamed; repeated; at-once; uncountable: row locks in a query',
  ],
  [
    'of a table about no person, whose rows others choose',
    'SELECT n.id FROM notes n WHERE n.n < (SELECT weight FROM patient WHERE id + 0 = 5) FOR UPDATE',
    'question; unnamed; repeated; at-once; uncountable: row locks in a query',
  ],
  [
    'the same, chosen by a person who is named',
    'SELECT p.id FROM notes n, patient p WHERE n.id = p.ward FOR UPDATE OF n, p',
    'question; [0]; known; uncountable: row locks in a query',
  ],
  [
    'the same without a lock on it',
    'SELECT p.id FROM notes n, patient p WHERE n.id = p.ward FOR UPDATE OF p',
    'question; [0]; known',
  ],
  [
    'the same of one who is given',
    'SELECT p.id FROM notes n, patient p WHERE n.id = p.ward AND p.id = 5 FOR UPDATE OF n',
    'pinned 5; [0]; known',
  ],
  [
    'the same of a row of people, which others choose',
    'SELECT v.id FROM visit v WHERE v.patient_id = 1 AND EXISTS (SELECT FROM patient p WHERE p.id = v.id) FOR UPDATE',
    'question; unnamed; repeated; uncountable: row locks in a query',
  ],
  [
    'of rows about no person, beside a value',
    'SELECT n.id, (SELECT max(weight) FROM patient) FROM notes n FOR UPDATE',
    'question; v1; repeated; at-once',
  ],
  [
    'of several, for a row that is named',
    'SELECT p.id FROM patient p JOIN visit v ON v.patient_id = p.id FOR UPDATE',
    'question; [0]; known',
  ],
  [
    'a literal that is checked as it is read',
    "SELECT '{5}'::person[]",
    'question; unnamed; repeated; uncountable: values inside an array or row that a domain checks by data',
  ],
  [
    'one of an array that is checked as a whole',
    "SELECT '{5}'::people",
    'question; unnamed v0; repeated; at-once; elsewhere',
  ],
  ['system columns', 'SELECT id, ctid FROM patient', 'refused'],
];

const WRITES: readonly Case[] = [
  ['by id', "UPDATE patient SET name = 'x' WHERE id = 5", 'pinned 5; unnamed; repeated; writes 0'],
  ['by the key of the row', "UPDATE visit SET diag = 'x' WHERE id = 7", 'held; [+0]; repeated; writes 0; fixed 11'],
  ['a DELETE by it', 'DELETE FROM visit WHERE id = 7', 'held; [+0]; repeated; writes 0; fixed 11'],
  ['with what it returns', "UPDATE visit SET diag = 'x' WHERE id = 7 RETURNING *", 'held; [1]; repeated; writes 0'],
  [
    'by anything else, the tag tells',
    "UPDATE visit SET diag = 'x' WHERE diag = 'flu'",
    'question; unnamed; repeated; writes 0 tag',
  ],
  [
    'unless the rows do',
    "UPDATE visit SET diag = 'x' WHERE diag = 'flu' RETURNING patient_id",
    'question; [0]; repeated; writes 0',
  ],
  ['a DELETE of others', "DELETE FROM visit WHERE diag = 'flu'", 'question; unnamed; repeated; writes 0 tag'],
  [
    'a key that moves',
    'UPDATE visit SET patient_id = 5 WHERE id <= 2000 RETURNING patient_id',
    "question; unnamed; repeated; at-once; writes 1 tag; uncountable: others' values in a unique index",
  ],
  [
    'a key that moves from a given person',
    'UPDATE visit SET patient_id = 5 WHERE patient_id = 7',
    'pinned 7; unnamed; repeated; at-once; writes 1',
  ],
  [
    'a key that is generated from what moves',
    'UPDATE paper SET code = 50 WHERE patient_id = 7',
    'pinned 7; unnamed; repeated; at-once; writes 1',
  ],
  [
    'a key that a view shows under another name, too',
    'UPDATE called SET whose = 5 WHERE patient_id = 7',
    'pinned 7; unnamed; repeated; at-once; writes 1',
  ],
  [
    'a column of that view that is no key',
    "UPDATE called SET diag = 'x' WHERE patient_id = 7",
    'pinned 7; unnamed; repeated; at-once; writes 0',
  ],
  [
    'a unique key',
    "UPDATE visit SET day = '2026-01-01' WHERE patient_id = 5",
    'pinned 5; unnamed; repeated; at-once; writes 0',
  ],
  ['a table about no person', 'UPDATE clinics SET beds = 3 WHERE id = 4', 'nothing'],
  ['a row that people’s rows may refer to', 'DELETE FROM clinics WHERE id = 4', 'pinned; repeated; at-once; writes 0'],
  [
    'a row that people’s rows refer to by another table',
    'DELETE FROM region WHERE id = 4',
    'pinned; repeated; at-once; writes 0',
  ],
  ['a column that is no key', "UPDATE region SET name = 'n' WHERE id = 5", 'nothing'],
  [
    'a unique key of a partition',
    'UPDATE booking SET slot = 3 WHERE patient_id = 5',
    'pinned 5; unnamed; repeated; at-once; writes 0',
  ],
  [
    'a unique key of the partition that the row moves to',
    'UPDATE booking SET id = 3 WHERE patient_id = 5',
    'pinned 5; unnamed; repeated; at-once; writes 0',
  ],
  [
    'a unique key of the partition that the row is put into',
    'INSERT INTO booking VALUES (1, 5, 3)',
    'pinned; repeated; at-once; writes 0',
  ],
  [
    'a number of its own sequence, which others may have taken',
    "INSERT INTO call (patient_id, day) VALUES (5, '2026-01-01')",
    'pinned; repeated; at-once; writes 0',
  ],
  [
    'a value of a given person',
    'UPDATE clinics SET beds = (SELECT weight FROM patient WHERE id = 77) WHERE id = 4',
    'pinned 77; repeated; writes 0',
  ],
  [
    'a value of another',
    'UPDATE clinics SET beds = (SELECT weight FROM patient WHERE id + 0 = 77) WHERE id = 4',
    'question; unnamed; repeated; at-once; writes 2 tag',
  ],
  [
    'a text of others',
    'UPDATE notes SET body = p.name FROM patient p WHERE p.id = notes.n',
    'question; unnamed; repeated; writes 0 tag; uncountable: rows written from people who are not their own',
  ],
  [
    'chosen by others',
    'UPDATE notes SET n = 4 FROM patient p WHERE p.weight = notes.n',
    'question; unnamed; repeated; writes 0 tag; uncountable: rows written from people who are not their own',
  ],
  [
    'of people, chosen by others',
    'DELETE FROM visit WHERE patient_id = 1 AND EXISTS (SELECT FROM patient p WHERE p.id = visit.id AND p.hiv)',
    'question; unnamed; repeated; writes 0 tag; uncountable: rows written from people who are not their own',
  ],
  [
    'the first of all',
    "UPDATE visit SET diag = 'x' WHERE id IN (SELECT id FROM visit ORDER BY day LIMIT 3)",
    'question; unnamed; repeated; writes 0 tag; uncountable: rows written from people who are not their own',
  ],
  [
    'a number of others that another session waits for at a unique index, and finds there before it is paid',
    'INSERT INTO notes (id) SELECT p.weight FROM patient p WHERE p.hiv',
    "question; unnamed; repeated; at-once; writes 2 tag; uncountable: others' values in a unique index",
  ],
  [
    'a number of others beside a unique index',
    'INSERT INTO notes (n) SELECT p.weight FROM patient p WHERE p.hiv',
    'question; unnamed; repeated; at-once; writes 2 tag',
  ],
  ...[
    'INSERT INTO call (patient_id, region_id) SELECT id, ward FROM patient WHERE hiv RETURNING patient_id',
    'UPDATE call SET region_id = p.ward FROM patient p WHERE p.id = call.patient_id RETURNING call.patient_id',
    "DELETE FROM call WHERE day > '2026-01-01' RETURNING patient_id",
  ].map(
    (sql): Case => [
      `rows about no person, by foreign keys: ${sql.slice(0, 6)}`,
      sql,
      `question; [0]; repeated;${sql.startsWith('UPDATE') ? '' : ' at-once;'} writes ${sql.startsWith('INSERT') ? 1 : 0}; uncountable: rows that foreign keys tie to others`,
    ],
  ),
  [
    'one row of them, which is given',
    'INSERT INTO call (patient_id, region_id) SELECT id, 3 FROM patient WHERE hiv',
    'question; unnamed; repeated; at-once; writes 1 tag',
  ],
  [
    'by a row of a given person',
    'UPDATE call SET region_id = p.ward FROM patient p WHERE p.id = call.patient_id AND p.id = 5',
    'pinned 5; unnamed; repeated; writes 0',
  ],
  ['by one that is held', 'DELETE FROM call WHERE id = 3', 'held; [+0]; repeated; at-once; writes 0; fixed 11'],
  [
    'given values',
    "INSERT INTO visit (patient_id, day, diag) VALUES (5, '2026-01-01', 'flu') RETURNING id",
    'pinned; repeated; at-once; writes 0',
  ],
  ['where a CHECK asks people', 'INSERT INTO wish (who) VALUES (5)', 'pinned; repeated; at-once; writes 0'],
  ['by an operator', 'INSERT INTO odd VALUES (5, 57)', 'pinned; repeated; at-once; writes 0'],
  ['given values of nobody', "INSERT INTO notes (body) VALUES ('x')", 'nothing'],
  [
    'a constraint that is deferred',
    'INSERT INTO lab (patient_id, value) VALUES (5, 5)',
    'pinned; repeated; at-commit; writes 0',
  ],
  ['a foreign key alone', 'INSERT INTO marked (id, patient_id) VALUES (1, 5)', 'pinned; repeated; at-once; writes 0'],
  ['COPY FROM', 'COPY visit (patient_id, diag) FROM STDIN', 'pinned; repeated; at-once; writes 0'],
  [
    'a name into a table about no person',
    'INSERT INTO notes (body) SELECT name FROM patient WHERE id + 0 = $1',
    'question; unnamed; repeated; at-once; writes 0 tag; uncountable: rows written from people who are not their own',
  ],
  [
    'a number into a table about no person',
    'INSERT INTO notes (n) SELECT weight FROM patient WHERE id + 0 = $1',
    'question; unnamed; repeated; at-once; writes 2 tag',
  ],
  ...[
    'VALUES (7, name_of(77)) ON CONFLICT (id) DO UPDATE SET n = 1 WHERE EXISTS (SELECT FROM patient WHERE weight > 70)',
    'VALUES (7, name_of(77))',
    "VALUES (7, CASE WHEN 77 <~> 57 THEN 'x' END)",
    "SELECT g, 'x' || g FROM generate_series(1, 100) g WHERE 77 <~> g",
  ].map(
    (rows): Case => [
      `what a function or an operator reads into it: ${rows}`,
      `INSERT INTO notes (id, body) ${rows}`,
      'question; unnamed; repeated; at-once; elsewhere; writes 0 tag; uncountable: rows written from people who are not their own',
    ],
  ),
  [
    'a number that an operator reads into it',
    'INSERT INTO notes (n) SELECT g FROM generate_series(1, 100) g WHERE 77 <~> g',
    'question; unnamed; repeated; at-once; elsewhere; writes 2 tag',
  ],
  [
    'rows that an operator chooses',
    'UPDATE notes SET n = 1 WHERE 77 <~> id',
    'question; unnamed; repeated; at-once; elsewhere; writes 0 tag; uncountable: rows written from people who are not their own',
  ],
  [
    'and in a WITH',
    'WITH w AS (UPDATE notes SET n = 1 WHERE 77 <~> id) SELECT 1',
    'question; unnamed v0; repeated; at-commit; elsewhere; uncountable: rows written from people who are not their own',
  ],
  [
    'and locks',
    'SELECT 1 FROM (SELECT id FROM notes WHERE 77 <~> id FOR UPDATE) x',
    'question; unnamed v0; repeated; at-once; elsewhere; uncountable: row locks in a query',
  ],
  [
    'rows about no person that go by those of people',
    'DELETE FROM district WHERE id = 3',
    'pinned; repeated; at-once; writes 0; uncountable: rows that foreign keys tie to others',
  ],
  [
    'and by those of a given person',
    'DELETE FROM house WHERE patient_id = 5',
    'pinned 5; unnamed; repeated; at-once; writes 0',
  ],
  ['rows of people that go', 'DELETE FROM region WHERE id = 3', 'pinned; repeated; at-once; writes 0'],
  [
    'two writes in WITH',
    "WITH a AS (UPDATE visit SET diag = 'a' WHERE clinic_id = 1), b AS (UPDATE visit SET diag = 'b' WHERE clinic_id = 2) SELECT 1",
    'question; unnamed; repeated; at-commit; uncountable: more than one write in WITH',
  ],
  [
    'and of given people',
    "WITH a AS (UPDATE visit SET diag = 'a' WHERE patient_id = 1), b AS (UPDATE visit SET diag = 'b' WHERE patient_id = 2) SELECT 1",
    'pinned 1 2; unnamed; repeated',
  ],
  [
    'rows of people to which others may refer',
    "DELETE FROM course WHERE note LIKE 'M%'",
    'question; unnamed; repeated; at-once; writes 0 tag; uncountable: rows that foreign keys tie to others',
  ],
  [
    'rows that refer to those of other people',
    'INSERT INTO dose (patient_id, course_id) SELECT id, weight FROM patient WHERE ward = 3',
    'question; unnamed; repeated; at-once; writes 1 tag; uncountable: rows that foreign keys tie to others',
  ],
  [
    'rows that take another person, by a foreign key',
    'UPDATE account SET id = 1 WHERE id = 5',
    'pinned; repeated; at-once; writes 0; uncountable: rows that foreign keys tie to others',
  ],
  [
    'numbers of a sequence, of which those of known people tell how many others there are',
    'INSERT INTO visit (patient_id, day) SELECT id, $1 FROM patient WHERE ward = 3',
    "question; unnamed; repeated; at-once; writes 1 tag; uncountable: others' values in a unique index",
  ],
  [
    'and by SET',
    'UPDATE lodger SET number = DEFAULT WHERE ward = 3',
    'question; unnamed; repeated; at-once; writes 1 tag',
  ],
  [
    'no numbers',
    'INSERT INTO native (patient_id) SELECT id FROM patient WHERE ward = 3',
    "question; unnamed; repeated; at-once; writes 0 tag; uncountable: others' values in a unique index",
  ],
  [
    'given ones',
    'INSERT INTO visit (id, patient_id) SELECT id, id FROM patient WHERE ward = 3',
    "question; unnamed; repeated; at-once; writes 0 tag; uncountable: others' values in a unique index",
  ],
  [
    'where a cursor stands',
    'UPDATE notes SET n = 1 WHERE CURRENT OF c',
    'question; unnamed; repeated; at-once; writes 1 tag',
  ],
  [
    'and in a WITH',
    'WITH w AS (DELETE FROM visit WHERE CURRENT OF c) SELECT 1',
    'question; unnamed; repeated; at-commit; uncountable: rows written from people who are not their own',
  ],
  [
    'a given person into it',
    'INSERT INTO notes (body) SELECT name FROM patient WHERE id = $1',
    'pinned $1; unnamed; repeated; writes 0',
  ],
  [
    'under the own keys',
    'INSERT INTO visit (patient_id, diag) SELECT id, name FROM patient WHERE weight > 70',
    "question; unnamed; repeated; at-once; writes 1 tag; uncountable: others' values in a unique index",
  ],
  [
    'under the own keys, and returned',
    'INSERT INTO visit (patient_id, diag) SELECT id, name FROM patient WHERE weight > 70 RETURNING patient_id',
    "question; [0]; repeated; at-once; writes 1; uncountable: others' values in a unique index",
  ],
  [
    'under the own keys, as LIMIT chooses',
    'INSERT INTO visit (patient_id, diag) SELECT id, name FROM patient ORDER BY weight LIMIT 1',
    'question; unnamed; repeated; at-once; writes 1 tag; uncountable: rows that foreign keys tie to others',
  ],
  [
    'under another key',
    'INSERT INTO visit (patient_id, day) SELECT 5, born FROM patient',
    "question; unnamed; repeated; at-once; writes 2 tag; uncountable: others' values in a unique index",
  ],
  [
    'under a key that may lose blanks on its way into its column',
    "INSERT INTO label (code, n) SELECT code, 1 FROM ticket WHERE note = 'x'",
    'question; unnamed; repeated; at-once; writes 0 tag; uncountable: rows written from people who are not their own',
  ],
  [
    'and under one that comes from a column of the same length',
    'INSERT INTO label (code, n) SELECT l.code, 1 FROM (SELECT code FROM label WHERE n = 3) AS l',
    'question; unnamed; repeated; at-once; writes 0 tag',
  ],
  [
    'a WITH that writes of others',
    'WITH w AS (INSERT INTO notes (n) SELECT weight FROM patient) SELECT 1',
    'question; unnamed; repeated; at-commit; uncountable: rows written from people who are not their own',
  ],
  [
    'rows of people that a WITH inserts',
    'WITH w AS (INSERT INTO call (patient_id) SELECT id FROM patient WHERE ward = 3 RETURNING patient_id) SELECT 1',
    'question; unnamed; repeated; at-commit; uncountable: rows written from people who are not their own',
  ],
  ...[
    "UPDATE visit SET diag = 'x' WHERE clinic_id = 3 RETURNING patient_id",
    'DELETE FROM visit WHERE clinic_id = 3 RETURNING patient_id',
  ].flatMap((write): Case[] => [
    [
      `the numbers that a WITH leaves: ${write}`,
      `WITH w AS (${write}) SELECT 1`,
      'question; unnamed; repeated; at-commit',
    ],
    [
      `and beside a row that is held: ${write}`,
      `WITH w AS (${write}) SELECT v.patient_id FROM visit v WHERE v.id = 3 AND (true OR v.patient_id IN (SELECT patient_id FROM w))`,
      'held; [0]; repeated; at-commit',
    ],
  ]),
  [
    'a WITH that writes of a given person',
    'WITH w AS (UPDATE patient SET weight = 1 WHERE id = 5 RETURNING id) SELECT * FROM w',
    'pinned 5; [0]; repeated',
  ],
  [
    'MERGE',
    "MERGE INTO visit v USING (VALUES (1)) s (id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET diag = 'x'",
    'question; unnamed; repeated; at-once; writes 0 tag; uncountable: rows written from people who are not their own',
  ],
];

const UPSERTS: readonly Case[] = [
  [
    'into a table whose children hold people',
    'INSERT INTO stay (nights) VALUES (3) ON CONFLICT DO NOTHING',
    'question; unnamed; repeated; at-once; writes 1 tag given 1',
  ],
  [
    'DO NOTHING, where a partition has an index of its own',
    'INSERT INTO booking (id, patient_id, slot) VALUES (7, 1, 20), (8, 1, 30) ON CONFLICT DO NOTHING',
    'question; unnamed; repeated; at-once; writes 0 tag given 2',
  ],
  [
    'by the key of the person',
    "INSERT INTO profile (patient_id, body) VALUES (5, 'x'), (6, 'y') ON CONFLICT (patient_id) DO UPDATE SET body = excluded.body",
    'pinned; repeated; at-once; writes 0',
  ],
  [
    'of bound arrays',
    'INSERT INTO profile (patient_id, body) SELECT * FROM unnest($1::int[], $2::text[]) ON CONFLICT (patient_id) DO UPDATE SET body = excluded.body',
    'pinned; repeated; at-once; writes 0',
  ],
  [
    'by a key with more in it',
    "INSERT INTO visit (patient_id, day) VALUES (5, '2026-01-01') ON CONFLICT (patient_id, day) DO UPDATE SET diag = 'x'",
    'pinned; repeated; at-once; writes 0',
  ],
  [
    'that returns the row',
    "INSERT INTO profile (patient_id, body) VALUES (5, 'x'), ($1, DEFAULT) ON CONFLICT (patient_id) DO UPDATE SET body = excluded.body RETURNING *",
    'pinned 5,$1; [0]; repeated; at-once; writes 0',
  ],
  [
    'with a condition',
    "INSERT INTO profile (patient_id, body) VALUES (5, 'x'), ($1, 'y') ON CONFLICT (patient_id) DO UPDATE SET body = excluded.body WHERE profile.seen > 4",
    'pinned 5,$1; unnamed; repeated; at-once; writes 0',
  ],
  [
    'DO NOTHING',
    "INSERT INTO profile (patient_id, body) VALUES (5, 'x'), ($1, 'y') ON CONFLICT DO NOTHING",
    'pinned 5,$1; unnamed; repeated; at-once; writes 0',
  ],
  [
    'DO NOTHING, where a sequence makes the other key',
    "INSERT INTO visit (patient_id, day) VALUES (5, '2026-01-01') ON CONFLICT DO NOTHING",
    'question; unnamed; repeated; at-once; writes 0 tag given 1',
  ],
  [
    'DO NOTHING by the key that is meant',
    "INSERT INTO visit (patient_id, day) VALUES (5, '2026-01-01') ON CONFLICT (patient_id, day) DO NOTHING",
    'pinned 5; unnamed; repeated; at-once; writes 0',
  ],
  [
    'where a constraint excludes rows of others',
    'INSERT INTO room (patient_id, number) VALUES (5, 57) ON CONFLICT DO NOTHING',
    'question; unnamed; repeated; at-once; writes 0 tag given 1',
  ],
  [
    'where an index takes keys that differ for alike',
    "INSERT INTO stamp (code, note) VALUES ('a', 'x') ON CONFLICT (code) DO UPDATE SET note = stamp.note RETURNING note",
    'question; unnamed; repeated; at-once; writes 0 tag given 1',
  ],
  [
    'DO NOTHING, where another may be in the way',
    'INSERT INTO visit (id, patient_id) VALUES (1, 5), (2, 5), ((3), 5) ON CONFLICT DO NOTHING',
    'question; unnamed; repeated; at-once; writes 0 tag given 3',
  ],
  [
    'DO UPDATE of another',
    "INSERT INTO visit (id, patient_id) VALUES (1, 5), (2, 5) ON CONFLICT (id) DO UPDATE SET diag = 'x' RETURNING patient_id",
    'question; [0]; repeated; at-once; writes 0 given 2',
  ],
  [
    'a key that is set',
    "INSERT INTO profile (patient_id, body) VALUES (5, 'x') ON CONFLICT (patient_id) DO UPDATE SET patient_id = 6",
    'question; unnamed; repeated; at-once; writes 1 tag given 1',
  ],
  [
    'by an index for which NULLs are alike',
    "INSERT INTO finding (id, patient_id, day) VALUES (9, $1, '2026-02-02') ON CONFLICT (patient_id, day) DO UPDATE SET note = 'x' RETURNING id",
    MEETS_NULLS
      ? 'question; unnamed; repeated; at-once; writes 0 tag given 1'
      : 'pinned $1; unnamed; repeated; at-once; writes 0',
  ],
  [
    'with an effect, which a row that is new has not',
    "INSERT INTO lodger (patient_id) VALUES (5) ON CONFLICT (patient_id) DO UPDATE SET ward = nextval('notes_id_seq')",
    'pinned 5; unnamed; repeated; at-once; writes 0; uncountable: nextval',
  ],
  [
    'with a default',
    'INSERT INTO profile (patient_id) VALUES (5) ON CONFLICT (patient_id) DO UPDATE SET seen = DEFAULT',
    'pinned 5; unnamed; repeated; at-once; writes 0',
  ],
  [
    'with a query',
    'INSERT INTO profile (patient_id) VALUES (5) ON CONFLICT (patient_id) DO UPDATE SET seen = (SELECT max(id) FROM clinics)',
    'pinned 5; unnamed; repeated; at-once; writes 0',
  ],
  [
    'that computes with the old row',
    'INSERT INTO profile (patient_id, seen) VALUES (5, 1) ON CONFLICT (patient_id) DO UPDATE SET seen = profile.seen + excluded.seen, body = upper(excluded.body)',
    'pinned; repeated; at-once; writes 0',
  ],
  [
    'of a table whose foreign keys lock rows that the role may find locked',
    'INSERT INTO lodger (patient_id, region_id) VALUES (5, 3) ON CONFLICT (patient_id) DO UPDATE SET ward = 1',
    'pinned 5; unnamed; repeated; at-once; writes 0',
  ],
  [
    'of a query, into such a table',
    'INSERT INTO lodger (patient_id, region_id) SELECT * FROM unnest($1::int[], $2::int[]) ON CONFLICT (patient_id) DO UPDATE SET ward = 1',
    'question; unnamed; repeated; at-once; writes 1 tag; uncountable: ON CONFLICT with the rows of a query',
  ],
  [
    'of one whose foreign keys lock rows that it may not',
    'INSERT INTO native (patient_id, country_id) VALUES (5, 3) ON CONFLICT (patient_id) DO UPDATE SET country_id = excluded.country_id',
    'pinned; repeated; at-once; writes 0',
  ],
  [
    'or are put off',
    'INSERT INTO pledge VALUES (5, 3) ON CONFLICT (patient_id) DO UPDATE SET land_id = 4',
    'pinned 5; unnamed; repeated; at-once; writes 0',
  ],
  ...["'5zzz'::char", "'5z'::varchar(1)", '005', '$1::float4', "'x'::name"].map(
    (value): Case => [
      `a key that becomes another one on its way into its column: ${value}`,
      `INSERT INTO ticket (code) VALUES (${value}) ON CONFLICT DO NOTHING`,
      'question; unnamed; repeated; at-once; writes 0 tag given 1',
    ],
  ),
  [
    'and by the length of its domain',
    "INSERT INTO docket (code) VALUES ('abcd ') ON CONFLICT DO NOTHING",
    'question; unnamed; repeated; at-once; writes 0 tag given 1',
  ],
  [
    'and one that stays the same',
    "INSERT INTO ticket (code) VALUES ('5'::varchar), ($1), ($2::text), (NULL) ON CONFLICT DO NOTHING",
    'pinned 5,$1,$2; unnamed; repeated; at-once; writes 0',
  ],
  [
    'DO NOTHING of a query',
    'INSERT INTO profile (patient_id, body) SELECT * FROM unnest($1::int[], $2::text[]) ON CONFLICT DO NOTHING',
    'question; unnamed; repeated; at-once; writes 0 tag; uncountable: ON CONFLICT with the rows of a query',
  ],
  [
    'rows about no person, as many as others are',
    'INSERT INTO notes (n) SELECT 1 FROM patient ON CONFLICT DO NOTHING',
    'question; unnamed; repeated; at-once; writes 1 tag; uncountable: ON CONFLICT with the rows of a query',
  ],
  [
    'one that others choose',
    'INSERT INTO notes (id) VALUES ((SELECT max(weight) FROM patient)) ON CONFLICT (id) DO UPDATE SET n = 1 WHERE false',
    'question; unnamed; repeated; at-once; writes 2 tag; uncountable: ON CONFLICT with the rows of a query',
  ],
  [
    'as many as a given person has',
    'INSERT INTO notes (n) SELECT 1 FROM visit WHERE patient_id = 5 ON CONFLICT DO NOTHING',
    'pinned 5; unnamed; repeated; writes 0',
  ],
];

const GROUPED: readonly Case[] = [
  [
    'counts of plain columns',
    'SELECT ward, count(*), count(weight)::int, avg(weight) FROM patient GROUP BY ward',
    'question; unnamed; repeated; at-once',
  ],
];

const groups = { PINNED, NOT_PINNED, HELD, NAMED, INCLUDES, WAYS, WRITES, UPSERTS };
for (const [name, cases] of Object.entries(groups))
  test.each(cases)(`${name.toLowerCase()}: %s`, (_note, sql, disclosure) => {
    expect(found(sql)).toBe(disclosure);
  });

test.each(GROUPED)('min_group: %s', (_note, sql, disclosure) => {
  expect(found(sql, 'reporter')).toBe(disclosure);
});

test.each([
  'BEGIN ISOLATION LEVEL SERIALIZABLE',
  'START TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE, DEFERRABLE',
  'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
  'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE',
  "SET LOCAL Transaction_Isolation = 'Serializable'",
  'SET default_transaction_isolation TO serializable',
  "SELECT set_config('default_transaction_isolation', 'serializable', false)",
  "SELECT set_config('transaction_isolation', $1, true)",
])('no transaction is SERIALIZABLE, whose errors tell which rows one has read: %s', (sql) => {
  expect(() => world.disclosures(sql)).toThrow(/^refused.*SERIALIZABLE/);
  const other = sql.replace(/serializable/i, sql.includes("'") ? 'repeatable read' : 'REPEATABLE READ');
  if (other !== sql && !sql.includes('TO ')) expect(() => world.disclosures(other)).not.toThrow();
});

test.each([
  ['SELECT false FROM clinics c WHERE c.id = (SELECT clinic_id FROM patient WHERE id + 0 = 77) FOR UPDATE', true],
  ['SELECT v.id, v.patient_id FROM visit v ORDER BY v.day LIMIT 1 FOR SHARE', true],
  ['SELECT id FROM clinics FOR UPDATE SKIP LOCKED', undefined],
  ['SELECT id FROM patient WHERE ward = 3 FOR UPDATE', true],
  ['SELECT 1 FROM patient WHERE id = 5 FOR UPDATE', true],
])('rows of people, or that people choose, are locked: %s', (sql, locks) => {
  expect(world.disclosures(sql).disclosures.subjects[0]?.locks).toBe(locks);
});

const OTHERS = 'rows written from people who are not their own';
test.each([
  ['UPDATE notes SET body = (SELECT name FROM patient WHERE id = ANY ($1)) WHERE id = 1', OTHERS],
  ['INSERT INTO notes (n) SELECT weight FROM patient WHERE id = $1', OTHERS],
  ["PREPARE q AS UPDATE visit SET diag = 'x' FROM patient p WHERE p.id = $1 AND visit.patient_id = 5", OTHERS],
  ['UPDATE visit SET patient_id = 6 WHERE patient_id = $1', "others' values in a unique index"],
  ["WITH w AS (UPDATE visit SET diag = 'x' WHERE patient_id = $1) SELECT 1", OTHERS],
  ['SELECT id FROM patient WHERE id = $1 ORDER BY random()', 'random'],
  ['SELECT 1 FROM (SELECT id FROM patient WHERE id = $1 FOR UPDATE) x', 'row locks in a query'],
  ['SELECT 1 FROM clinics c, patient p WHERE p.id = $1 AND c.id = p.clinic_id FOR UPDATE', 'row locks in a query'],
  ['DECLARE c CURSOR FOR SELECT id FROM patient WHERE ward = 3 FOR UPDATE', 'row locks in a query'],
  ['DECLARE c CURSOR FOR SELECT id FROM clinics FOR UPDATE', undefined],
  ["UPDATE visit SET diag = 'x' WHERE patient_id = $1", undefined],
  ['DELETE FROM visit WHERE patient_id = ANY ($1)', undefined],
  ['SELECT name FROM patient WHERE id = $1 FOR UPDATE', undefined],
  ['INSERT INTO profile (patient_id, seen) VALUES ($1, 1) ON CONFLICT (patient_id) DO NOTHING', undefined],
])('what must not run where its keys cannot be read, or where rows are passed by: %s', (sql, unread) => {
  expect(world.disclosures(sql).disclosures.subjects[0]?.unread).toBe(unread);
});

testSince(18)('a star may show columns that are computed as they are read', () => {
  const inside = (query: string): string => `WITH x AS MATERIALIZED (${query}) SELECT mass FROM x WHERE patient_id = 5`;
  for (const query of ['SELECT * FROM chart', 'TABLE chart', 'SELECT c.* FROM chart c JOIN clinics ON true'])
    expect(found(inside(query))).toBe('pinned 5; unnamed; repeated; at-once');
  expect(found(inside('SELECT patient_id, mass FROM chart'))).toBe('pinned 5; unnamed; repeated');
  expect(found('SELECT * FROM chart WHERE patient_id = 5')).toBe('pinned 5; [0]; known');
  expect(found('SELECT * FROM chart WHERE mass > 60')).toBe('question; [0]; known; at-once');
});

test('places stand elsewhere in a text with other literals', () => {
  const sql = 'SELECT id FROM visit WHERE patient_id IN (5, $1)';
  const { disclosures } = world.disclosures(sql);
  const other = { disclosures: moved(disclosures, (at) => at + 3) };
  expect(written(other, `   ${sql.replace('5', '6')}`)).toBe('pinned 6,$1; unnamed; repeated');
  const insert = 'INSERT INTO visit (id, patient_id) VALUES (1, 5), (2, 5) ON CONFLICT DO NOTHING';
  const more = { disclosures: moved(world.disclosures(insert).disclosures, (at) => at + 1) };
  expect(written(more, ` ${insert}`)).toContain('given 2');
});

function found(sql: string, role?: string): string {
  try {
    return written(world.disclosures(sql, role), sql);
  } catch (error) {
    if (/^refused/.test((error as Error).message)) return 'refused';
    throw error;
  }
}
