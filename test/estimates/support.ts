/** Estimates as a guard makes them, for a test's database and the policies of this file. */
import { readCatalog } from '../../src/catalog/read.ts';
import { fillDatabase, grantRows } from '../../src/demo/database.ts';
import type { EstimatedStatement } from '../../src/estimates/estimated.ts';
import { Estimates, type EstimatesOptions } from '../../src/estimates/estimates.ts';
import { Guard } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import type { Policy } from '../../src/policy/model/policy.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import type { Sent } from '../../src/session/admission/budget-port.ts';
import { renderLiterals } from '../../src/session/client/render.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { Upstream } from '../../src/upstream/connect.ts';
import { pinnedSettings } from '../../src/upstream/pinned-settings.ts';
import { UpstreamSetup } from '../../src/upstream/setup.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const SEARCH_PATH = ['public'];
/** No test logs in with it. */
const VERIFIER =
  'SCRAM-SHA-256$4096:UZZiW963VRqc0dVp2ZNuAQ==$gWBTvTXouPdYbuaNh/ZigBfHJQ/3PrhrHtw8MQKRiPw=:MlVSTq35wJS0zCyg13t+n2P7cLc7WCVyspbyTVwA9i8=';
const NO_LIMIT = 9223372036854775807n;

/** A teacher of school 1, who sees about 200 of 2,000 pupils; a role that counts over all of them; and a DBA. */
const POLICIES = [
  {
    path: 'roles/teacher.yaml',
    text: `
role: teacher
attributes: { school_id: integer }
scope: { student: school_id = :school_id }
tables:
  students:
    select: { columns: [id, ine, first_name, last_name, class_id, school_id], masks: { birth_date: "date_trunc('year', birth_date::timestamp)::date" } }
    update: { columns: [class_id] }
  absences:
    select: { columns: [id, student_id, day, justified] }
    insert: { columns: [student_id, day] }
    delete: {}
  classes: { select: { columns: "*" } }
  schools: { select: { columns: "*" } }
statements: [copy_to, explain]
temporary: { picked: { id: bigint } }
limits: { estimated_rows: 500 }
`,
  },
  {
    path: 'roles/counter.yaml',
    text: `
role: counter
scope: { student: all }
tables:
  students: { select: { columns: [id, last_name, class_id, school_id] } }
  absences: { select: { columns: [id, student_id, day] } }
  classes: { select: { columns: "*" } }
collect: allow
statements: [copy_to]
limits: { estimated_rows: 500 }
`,
  },
  { path: 'roles/dba.yaml', text: 'role: dba\naccess: unrestricted\nlimits: { estimated_rows: 500 }\n' },
  {
    path: 'principals.yaml',
    text: `
principals:
  the_teacher: { role: teacher, attributes: { school_id: 1 }, password: "${VERIFIER}" }
  the_counter: { role: counter, password: "${VERIFIER}" }
  the_dba: { role: dba, password: "${VERIFIER}" }
`,
  },
  {
    path: 'subjects.yaml',
    text: 'subjects: { student: { keys: [students.id, parents.student_id, absences.student_id, grades.student_id] } }\n',
  },
] as const;

export interface Asked extends Partial<Sent> {
  /** For EXECUTE: its PREPARE. */
  readonly prepared?: string;
}

export interface TestEstimates {
  readonly database: FreshDatabase;
  readonly estimates: Estimates;
  /** Judges a text, waits for its estimate. Throws where the guard refuses it. */
  of(role: string, sql: string, asked?: Asked): Promise<EstimatedStatement>;
  /** `result/read`, or the SQLSTATE of the refusal, or what else the answer is. */
  short(role: string, sql: string, asked?: Asked): Promise<string>;
  policyOf(role: string): SessionPolicy;
  /** EXPLAINs that have come to the server so far. */
  explains(): number;
  /** Lets time pass for what is remembered. */
  pass(ms: number): void;
  /** The messages to the operator. */
  readonly failures: string[];
  stop(): Promise<void>;
}

export async function estimatesInFront(options: Partial<EstimatesOptions> = {}): Promise<TestEstimates> {
  await loadParser();
  const database = await freshDatabase();
  await fillDatabase(database.url, { schools: 10, students: 2000 });
  const account = await database.createLogin();
  await grantRows(database.url, account.user);
  const client = await database.connect();
  const catalog = new Catalog(
    await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows),
  );
  const policy = compile(catalog);
  const { hostname, port } = new URL(account.url);
  let passed = 0;
  let explains = 0;
  const failures: string[] = [];
  const upstream = new Upstream({
    hosts: [{ host: hostname, port: Number(port) }],
    tls: { mode: 'disable' },
    timeoutMs: 5000,
  });
  const pinned = pinnedSettings(SEARCH_PATH);
  const estimates = new Estimates({
    upstream,
    setup: new UpstreamSetup({ pooling: 'none', pinned, database: database.name }),
    accountOf: () => account,
    current: () => ({ policy, catalog }),
    now: () => performance.now() + passed,
    failed: (detail) => failures.push(detail),
    asked: () => {
      explains += 1;
    },
    ...options,
  });
  const guards = new Map<string, SessionPolicy>();
  const policyOf = (name: string): SessionPolicy => {
    const known = guards.get(name);
    if (known) return known;
    const role = policy.roles.get(name)!;
    const guard = new Guard({ catalog, role, searchPath: SEARCH_PATH });
    const principal = policy.principals.get(`the_${name}`)!;
    const made: SessionPolicy = { role, principal, hash: policy.hash, judge: (sql, types) => guard.judge(sql, types) };
    guards.set(name, made);
    return made;
  };
  const sentOf = (of: SessionPolicy, sql: string): string => {
    const judgement = of.judge(sql);
    if (judgement.effect === 'refuse') throw new Error(`${sql}: ${judgement.refusal?.message}`);
    return renderLiterals(sql, judgement, { attributes: of.principal.attributes, limit: NO_LIMIT }).sent;
  };
  const test: TestEstimates = {
    database,
    estimates,
    policyOf,
    failures,
    explains: () => explains,
    pass: (ms) => {
      passed += ms;
    },
    async of(role, sql, { prepared, ...asked } = {}) {
      const of = policyOf(role);
      const text = sentOf(of, sql);
      const prepare = prepared === undefined ? {} : { prepare: sentOf(of, prepared) };
      const sent: Sent = { text, parameterTypes: [], ...prepare, ...asked };
      const statement = of.judge(sql).statements[0]!;
      for (;;) {
        let wake = (): void => {};
        const woken = new Promise<void>((done) => {
          wake = done;
        });
        const answer = estimates.of(of, statement, () => sent, wake);
        if (answer !== 'wait') return answer;
        await woken;
      }
    },
    async short(role, sql, asked) {
      const answer = await test.of(role, sql, asked);
      if (answer.kind === 'rows') return `${answer.rows.result}/${answer.rows.read}`;
      return answer.kind === 'refused' ? answer.refusal.sqlstate : answer.kind;
    },
    async stop() {
      estimates.stop();
      await database.drop();
    },
  };
  return test;
}

function compile(catalog: Catalog): Policy {
  const { policy, diagnostics } = loadPolicy(POLICIES, {
    catalog,
    searchPath: SEARCH_PATH,
    timeZone: 'UTC',
    compileCondition,
    compileMask,
  });
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(errors.map(formatDiagnostic).join('\n'));
  return policy;
}
