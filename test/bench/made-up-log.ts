/** A log of made-up use, in the files that a guard would have left: 14 days, 300 principals, 400 shapes of statement, three people in each result. */
import { once } from 'node:events';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closedName } from '../../src/decision-log/chain/files.ts';
import { keepPolicy } from '../../src/decision-log/policies/kept-policies.ts';
import { type SubjectKey, subjectId } from '../../src/decision-log/subject-ids.ts';

const DAYS = 14;
const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 10, 1);
const PRINCIPALS = 300;
const SHAPES = 400;
/** Of the last day only the beginning has been written yet. */
const OPEN_PART = 0.1;
const TABLES = ['students', 'grades', 'absences', 'parents', 'classes'];
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const HASH = 'A'.repeat(43);
const POLICY = `sha256:${'a'.repeat(64)}`;
const KEY: SubjectKey = { name: 'k3', secret: 'made-up-made-up-made-up-made-up-made-up' };
const POLICIES = [
  {
    path: 'subjects.yaml',
    text: `subjects: { student: { keys: [${TABLES.map((table) => `${table}.id`).join(', ')}] } }\n`,
  },
  { path: 'roles/teacher.yaml', text: 'role: teacher\n' },
];

/** Of the ids in the log: pupils have the numbers from 0 on, 700 in each school. */
export function writeSubjectKey(file: string): void {
  writeFileSync(file, `${KEY.name} ${KEY.secret}\n`, { mode: 0o600 });
}
const BUFFER = 1024 * 1024;

/** The name of the log. @param records how many, about. */
export async function makeLog(folder: string, records: number): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const open = join(folder, 'decisions.jsonl');
  const random = sequence();
  const kept = keepPolicy(open, POLICIES);
  const perDay = Math.ceil(records / 2 / (DAYS - 1 + OPEN_PART));
  let seq = 0;
  for (let day = 0; day < DAYS; day++) {
    const last = day === DAYS - 1;
    const out = createWriteStream(last ? open : closedName(open, seq + 1), { mode: 0o600 });
    const statements = last ? Math.ceil(perDay * OPEN_PART) : perDay;
    let buffer = line(START + day * DAY_MS, ++seq, 'segment', { chain: 'made-up', format: 1 });
    if (day === 0) buffer += line(START, ++seq, 'policy', { to: POLICY, kept, via: 'start' });
    for (let index = 0; index < statements; index++) {
      const at = START + day * DAY_MS + (DAY_MS / perDay) * index;
      const [decision, outcome] = statement(random);
      buffer += line(at, ++seq, 'decision', decision) + line(at, ++seq, 'outcome', outcome);
      if (buffer.length < BUFFER) continue;
      if (!out.write(buffer)) await once(out, 'drain');
      buffer = '';
    }
    out.end(buffer);
    await once(out, 'finish');
  }
  return open;
}

function line(at: number, seq: number, kind: string, fields: object): string {
  const front = { time: new Date(at).toISOString(), kind, guard: 'g1', seq };
  return `${JSON.stringify({ ...front, ...fields, hash: HASH })}\n`;
}

/** Some principals and some shapes are more frequent than others. */
function statement(random: () => number): [object, object] {
  const college = Math.floor(random() * random() * PRINCIPALS);
  const which = Math.floor(random() * random() * SHAPES);
  const principal = `college_${college}_app`;
  const session = `01M8S${college}x${Math.floor(random() * 20)}`;
  let id = '01M8F3QBJX';
  for (let index = 0; index < 16; index++) id += DIGITS[Math.floor(random() * 32)];
  const fingerprint = (which * 7919 + 1e15).toString(16).padStart(16, '0');
  const table = TABLES[which % TABLES.length];
  const refused = random() < 0.004;
  const rows = refused ? 0 : Math.floor(random() * random() * 30);
  const shown = Math.min(rows, 6);
  const first = Math.floor(random() * 690);
  const ids = Array.from({ length: shown }, (_, index) => personId(college * 700 + first + index));
  const decision = {
    id,
    session,
    principal,
    role: 'teacher',
    attributes: { school_id: college },
    client: `10.12.${college % 256}.7:5${college}`,
    database: 'ent',
    application: 'ent-app',
    policy: POLICY,
    command: 'SELECT',
    fingerprint,
    statement: `SELECT id, c${which % 17} FROM ${table} WHERE id = $1 AND x${which} = $2 ORDER BY id LIMIT $3`,
    tables: [`public.${table}`],
    columns: [`public.${table}.id`, `public.${table}.c${which % 17}`],
    ...(refused
      ? { effect: 'refuse', reason: 'column-withheld', rule: 'roles/teacher.yaml:10', sqlstate: '42501' }
      : { effect: 'rewrite' }),
  };
  const outcome = {
    id,
    principal,
    rows,
    bytes: rows * 61,
    changed: 0,
    ms: Math.round(random() * 4000) / 1000,
    status: refused ? 'refused' : 'ok',
    ...(rows > 0 && { subjects: { student: { people: shown, questions: 0, values: 0, ids } } }),
  };
  return [decision, outcome];
}

const people = new Map<number, string>();

function personId(number: number): string {
  let id = people.get(number);
  if (id === undefined) {
    id = subjectId(KEY, 'student', String(number));
    people.set(number, id);
  }
  return id;
}

/** The same numbers each time. */
function sequence(start = 42): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
