/** Patients, what is written about them, and one role: what the guard's proofs say of its statements. The server is asked for its catalog alone. */
import { readCatalog } from '../../src/catalog/read.ts';
import { type Draft, stepsOf } from '../../src/guard/draft.ts';
import { addHiddenKeys } from '../../src/guard/rewrite/hidden-keys.ts';
import { findLeakyExpressions } from '../../src/guard/rewrite/leaky-expressions.ts';
import { rewriteLists } from '../../src/guard/rewrite/lists.ts';
import { Rewriter } from '../../src/guard/rewrite/rewriter.ts';
import { authorizeStage } from '../../src/guard/stages/authorize.ts';
import { classifyStage } from '../../src/guard/stages/classify.ts';
import { parseStage } from '../../src/guard/stages/parse.ts';
import { resolveStage } from '../../src/guard/stages/resolve.ts';
import type { Disclosure } from '../../src/guard/subjects/disclosure.ts';
import { disclosuresOf } from '../../src/guard/subjects/disclosures.ts';
import { countRows, readGivenKeys } from '../../src/guard/subjects/given-keys.ts';
import { SubjectRelations } from '../../src/guard/subjects/subject-relations.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import type { RolePolicy } from '../../src/policy/model/policy.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { WorkLimit } from '../../src/sql/parse/work-limit.ts';
import { applyEdits, renderTemplate } from '../../src/sql/text/edits.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';

/** Whether generated columns can be computed as they are read. */
export const COMPUTES = serverVersion() >= 18;

export const SCHEMA = `
CREATE TABLE clinics (id integer PRIMARY KEY, name text, beds integer);
CREATE TABLE patient (id integer PRIMARY KEY, name text, email text, weight integer, fee numeric, ward integer, clinic_id integer REFERENCES clinics, hiv boolean, born date);
CREATE TABLE visit (id serial PRIMARY KEY, patient_id integer REFERENCES patient, day date, diag text, clinic_id integer, UNIQUE (patient_id, day));
CREATE TABLE lab (id serial PRIMARY KEY, patient_id bigint, value integer, code uuid UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE profile (patient_id integer PRIMARY KEY, body text, seen integer);
CREATE TABLE siblings (id integer PRIMARY KEY, a integer, b integer, note text);
CREATE TABLE badge (code text PRIMARY KEY, tag uuid, folded text COLLATE "C", note text);
CREATE TABLE mark (code text, tag uuid);
CREATE TABLE letter (id integer PRIMARY KEY, patient_id integer, body text);
CREATE TABLE notes (id serial PRIMARY KEY, body text, n integer);
CREATE TABLE marked (id integer PRIMARY KEY, patient_id integer REFERENCES patient, note text);
CREATE VIEW roll AS SELECT name, weight FROM patient;
CREATE VIEW beds AS SELECT id, beds FROM clinics;
CREATE FUNCTION name_of(n integer) RETURNS text LANGUAGE sql STABLE AS $$ SELECT name FROM patient WHERE id = n $$;
CREATE VIEW heads AS SELECT id, name_of(id + 1) AS head FROM clinics;
CREATE FUNCTION differs(n integer, m integer) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT FROM patient WHERE id = n AND weight = m) $$;
CREATE OPERATOR <~> (FUNCTION = differs, LEFTARG = integer, RIGHTARG = integer);
CREATE VIEW unlike AS SELECT id FROM clinics WHERE id <~> beds;
CREATE VIEW listed AS SELECT query_to_xml('SELECT name FROM patient', true, false, '')::text AS names;
CREATE DOMAIN person AS integer CHECK (VALUE IS NULL OR name_of(VALUE) IS NOT NULL);
CREATE VIEW persons AS SELECT id::person AS id FROM clinics;
CREATE TABLE stay (id integer PRIMARY KEY, nights integer);
CREATE TABLE long_stay (patient_id integer) INHERITS (stay);
CREATE VIEW nights AS SELECT nights FROM stay;
CREATE TABLE odd (id integer PRIMARY KEY, m integer CHECK (NOT id <~> m));
CREATE TABLE wish (id serial PRIMARY KEY, who integer CHECK (name_of(who) IS NOT NULL), other person);
CREATE TABLE region (id integer PRIMARY KEY, name text);
CREATE TABLE station (id integer PRIMARY KEY, region_id integer REFERENCES region ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE bed (id integer PRIMARY KEY, station_id integer REFERENCES station, patient_id integer);
CREATE TABLE booking (id integer, patient_id integer, slot integer) PARTITION BY RANGE (id);
CREATE TABLE booking_1 PARTITION OF booking FOR VALUES FROM (1) TO (1000);
CREATE UNIQUE INDEX ON booking_1 (slot);
CREATE TABLE call (id serial PRIMARY KEY, patient_id integer, day date, region_id integer REFERENCES region);
CREATE TABLE remark (id integer PRIMARY KEY, call_id integer REFERENCES call ON DELETE CASCADE);
CREATE DOMAIN persona AS person;
CREATE TYPE pair AS (a person, b integer);
CREATE DOMAIN people AS integer[] CHECK (name_of(VALUE[1]) IS NOT NULL);
CREATE TABLE wishes (id serial PRIMARY KEY, whom person[], what persona, which pair);
CREATE EXTENSION btree_gist;
CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE room (patient_id integer, number integer, EXCLUDE USING gist (number WITH =, patient_id WITH <>));
CREATE TABLE asked (n integer, who person);
CREATE TABLE stamp (code text, note text);
CREATE UNIQUE INDEX ON stamp (code COLLATE alike);
CREATE TABLE mail (id integer PRIMARY KEY, address text COLLATE alike);
CREATE TABLE guess (body text, n integer);
CREATE VIEW misses AS SELECT * FROM guess WHERE n NOT IN (SELECT weight FROM patient WHERE weight IS NOT NULL) WITH CHECK OPTION;
CREATE VIEW share AS SELECT id, name, 1000 / (weight - 57) AS part FROM patient;
CREATE VIEW named AS SELECT id, name FROM patient WHERE ward > 0;
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 2 * n $$;
CREATE FUNCTION log_it(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer);
CREATE TABLE chart (patient_id integer PRIMARY KEY, mass integer, height integer${COMPUTES ? ', ratio integer GENERATED ALWAYS AS (mass / height) VIRTUAL' : ''});
`;

export const KEYS = `[patient.id, visit.patient_id, lab.patient_id, profile.patient_id, siblings.a, siblings.b, badge.code, badge.tag, badge.folded, mark.code, mark.tag, letter.patient_id, long_stay.patient_id, bed.patient_id, booking.patient_id, call.patient_id, room.patient_id, stamp.code, share.id, named.id, chart.patient_id]`;

/** The keys of a role, but for its name and limits. */
export const GRANTS = `
scope: { patient: all }
tables:
  clinics: { select: { columns: "*" }, update: { columns: [beds] }, delete: {} }
  patient: { select: { columns: [id, name, email, weight, fee, ward, clinic_id, hiv, born] }, update: { columns: [name, weight] } }
  visit: { select: { columns: [id, patient_id, day, diag, clinic_id] }, insert: { columns: [id, patient_id, day, diag, clinic_id] }, update: { columns: [patient_id, day, diag] }, delete: {} }
  lab: { select: { columns: [id, patient_id, value, code] }, insert: { columns: [id, patient_id, value, code] } }
  profile: { select: { columns: [patient_id, body, seen, ctid, xmin] }, insert: { columns: [patient_id, body, seen] }, update: { columns: [patient_id, body, seen] } }
  siblings: { select: { columns: [id, a, b, note] } }
  badge: { select: { columns: [code, tag, folded, note] } }
  mark: { select: { columns: [code, tag] } }
  letter: { select: { columns: [id, body], masks: { patient_id: 'patient_id % 10' } } }
  notes: { select: { columns: "*" }, insert: { columns: "*" }, update: { columns: "*" } }
  marked: { select: { columns: "*" }, insert: { columns: "*" } }
  roll: { select: { columns: "*" } }
  beds: { select: { columns: "*" } }
  heads: { select: { columns: "*" } }
  unlike: { select: { columns: "*" } }
  listed: { select: { columns: "*" } }
  persons: { select: { columns: "*" } }
  stay: { select: { columns: [id, nights] }, insert: { columns: [id, nights] } }
  nights: { select: { columns: "*" } }
  odd: { select: { columns: "*" }, insert: { columns: "*" } }
  wish: { select: { columns: "*" }, insert: { columns: "*" } }
  region: { select: { columns: "*" }, update: { columns: "*" }, delete: {} }
  booking: { select: { columns: [id, patient_id, slot] }, insert: { columns: [id, patient_id, slot] }, update: { columns: [id, slot] } }
  room: { select: { columns: [patient_id, number] }, insert: { columns: [patient_id, number] } }
  stamp: { select: { columns: [code, note] }, insert: { columns: [code, note] }, update: { columns: [note] } }
  mail: { select: { columns: "*" } }
  misses: { select: { columns: "*" }, insert: { columns: "*" } }
  share: { select: { columns: [id, name, part] } }
  named: { select: { columns: [id, name] }, update: { columns: [name] } }
  chart: { select: { columns: [patient_id, mass, height${COMPUTES ? ', ratio' : ''}] } }
  call: { select: { columns: [id, patient_id, day] }, insert: { columns: [id, patient_id, day, region_id] }, update: { columns: [region_id] }, delete: {} }
  remark: { select: { columns: "*" } }
  asked: { select: { columns: "*" }, insert: { columns: "*" } }
  wishes: { select: { columns: "*" }, insert: { columns: "*" }, update: { columns: [whom, what, which] } }
types: [public.person, public.persona, public.pair, public.people]
functions: [public.name_of(integer), 'public.differs(integer, integer)', public.twice(integer), public.log_it(text), int4eq]
`;

const ROLE = (name: string, more: string): string => `
role: ${name}${GRANTS}
statements: [copy_to, copy_from, explain]
limits: { subjects: { patient: 60 per day } }
${more}`;

const ROLES = ['doctor', 'reporter'];

export interface SubjectWorld {
  /** What is proven of a statement of the role. */
  disclosures(sql: string, role?: string): Found;
  database: FreshDatabase;
}

export interface Found extends ReturnType<typeof disclosuresOf> {
  /** The statement with the keys that it adds. */
  readonly sent: string;
}

export async function subjectWorld(): Promise<SubjectWorld> {
  await loadParser();
  const database = await freshDatabase();
  await database.query(SCHEMA);
  const client = await database.connect();
  const catalog = new Catalog(
    await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows),
  );
  await client.end();
  const policies = rolesOn(catalog);
  return { database, disclosures: (sql, role = 'doctor') => find(sql, policies.get(role)!, catalog) };
}

function rolesOn(catalog: Catalog): ReadonlyMap<string, RolePolicy> {
  const files = [
    ...ROLES.map((name) => ({
      path: `roles/${name}.yaml`,
      text: ROLE(name, name === 'reporter' ? 'min_group: 5' : 'collect: allow'),
    })),
    { path: 'principals.yaml', text: 'principals: {}' },
    { path: 'subjects.yaml', text: `subjects: { patient: { keys: ${KEYS} } }\nabout: { marked: nobody }` },
  ];
  const reading = { catalog, searchPath: ['public'], timeZone: 'UTC', compileCondition, compileMask };
  const { policy, diagnostics } = loadPolicy(files, reading);
  for (const name of ROLES) {
    const role = policy.roles.get(name);
    if (!role || role.disabled) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  }
  return policy.roles;
}

function find(sql: string, role: RolePolicy, catalog: Catalog): Found {
  const draft: Draft = {
    text: sql,
    role,
    catalog,
    searchPath: ['public'],
    policyPath: ['public'],
    parameterTypes: [],
    subjects: [],
    userCode: { runsIn: () => false },
    workLimit: new WorkLimit(() => false),
    parsed: undefined,
    statements: [],
    refusal: undefined,
    edits: [],
    pieces: new Map(),
  };
  for (const stage of [parseStage, classifyStage, resolveStage, authorizeStage]) {
    Array.from(stepsOf(stage, draft));
    const refused = draft.refusal ?? draft.statements.find((statement) => statement.refusal)?.refusal;
    const { analysis } = draft.statements[0] ?? {};
    const first = refused ?? analysis?.refusals[0];
    if (first) throw new Error(`refused: ${first.message}`);
  }
  const subjects = (role.subjects ?? []).map((subject) => new SubjectRelations(subject, catalog, role));
  const found = disclosuresOf({ role, catalog, subjects, adds: () => true }, draft.statements[0]!);
  return { ...found, sent: sentText(draft, found) };
}

function sentText(draft: Draft, { plan }: ReturnType<typeof disclosuresOf>): string {
  const { analysis, kind } = draft.statements[0]!;
  if (!plan || !analysis?.level || kind.kind !== 'read') return draft.text;
  const rewriter = new Rewriter(draft.parsed!);
  for (const entry of plan.carrying) entry.carries = true;
  rewriteLists(rewriter, analysis, findLeakyExpressions(analysis), draft.catalog);
  addHiddenKeys(rewriter, analysis.level, undefined, plan);
  return renderTemplate(applyEdits(draft.text, rewriter.edits.sorted()), () => '');
}

/**
 * `pinned 5 $1; [0,2] v3; known`: the access with the people that are given, the row's keys (`unnamed` where there are none), the columns that are
 * values, which answer is free, and what else is to be said.
 */
export function written({ disclosures: { subjects, added } }: Pick<Found, 'disclosures'>, sql: string): string {
  if (subjects.length === 0) return 'nothing';
  const parts = subjects.map((one) => writtenOf(one, sql));
  if (added) parts.push(added.format === 'fixed' ? `fixed ${added.widths.join()}` : `json ${added.count}`);
  return parts.join('; ');
}

function writtenOf(disclosure: Disclosure, sql: string): string {
  const { access, named, values, free, canFail, elsewhere, write, uncountable } = disclosure;
  const rows = named
    ? named.map(({ columns, added }) => `[${[...columns, ...added.map((n) => `+${n}`)].join()}]`)
    : ['unnamed'];
  const parts = [
    access.kind === 'pinned' ? ['pinned', ...access.people.map((place) => keysAt(sql, place))].join(' ') : access.kind,
    [...rows, ...values.map((column) => `v${column}`)].join(' '),
    free,
  ];
  if (canFail !== 'no') parts.push(canFail);
  if (elsewhere) parts.push('elsewhere');
  if (write) {
    const given = write.given ? ` given ${countRows(sql, write.given)}` : '';
    parts.push(`writes ${write.row}${write.tag ? ' tag' : ''}${given}`);
  }
  if (uncountable) parts.push(`uncountable: ${uncountable}`);
  return parts.filter((part) => part !== '').join('; ');
}

function keysAt(sql: string, place: Parameters<typeof readGivenKeys>[1]): string {
  const keys = readGivenKeys(sql, place);
  if (!keys) return 'unreadable';
  const shown = keys.map((key) => ('text' in key ? key.text : `$${key.parameter}${key.array ? '[]' : ''}`));
  return shown.join(',') || 'nobody';
}
