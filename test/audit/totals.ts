/** Computes the reports plainly, with loops over whole records in memory. DuckDB must give the same. */
import { QUIET_COMMANDS } from '../../src/decision-log/writer/quiet-commands.ts';
import type { Whole } from './random-log.ts';

export interface Asked {
  readonly principal: string;
  readonly user?: string;
  readonly since: number;
  readonly until: number;
}

interface Statement {
  readonly decision?: Whole;
  readonly outcome?: Whole;
  readonly people: Set<string>;
  readonly started: number;
  readonly ended: number;
}

const timeOf = (record: Whole): number => Date.parse(String(record.time));
const isStop = (effect: unknown): boolean => effect === 'refuse' || effect === 'lock';

/** All that one principal did in the time. */
export function statementsOf(records: readonly Whole[], { principal, user, since, until }: Asked): Statement[] {
  const mine = records.filter((record) => record.principal === principal);
  const decisions = new Map(mine.filter(({ kind }) => kind === 'decision').map((record) => [record.id, record]));
  const outcomes = new Map(mine.filter(({ kind }) => kind === 'outcome').map((record) => [record.id, record]));
  return [...new Set([...decisions.keys(), ...outcomes.keys()])]
    .map((id) => {
      const [decision, outcome] = [decisions.get(id), outcomes.get(id)];
      const people = mine.filter((record) => record.id === id).flatMap(idsIn);
      const started = timeOf(decision ?? outcome ?? {});
      const ended = timeOf(outcome ?? decision ?? {});
      return { ...(decision && { decision }), ...(outcome && { outcome }), people: new Set(people), started, ended };
    })
    .filter(({ started, ended }) => started < until && ended >= since)
    .filter(({ decision }) => user === undefined || !decision || decision.user === user);
}

function idsIn({ subjects }: Whole): string[] {
  return ((subjects as { student?: { ids?: string[] } } | undefined)?.student?.ids ?? []).map(String);
}

function isRefused({ decision, outcome }: Statement): boolean {
  return isStop(decision?.effect) || ['refused', 'skipped'].includes(String(outcome?.status));
}

export function isUnended({ decision, outcome }: Statement): boolean {
  return outcome === undefined && !isStop(decision?.effect) && !QUIET_COMMANDS.has(String(decision?.command));
}

const sum = (statements: readonly Statement[], field: string): number =>
  statements.reduce((total, { outcome }) => total + Number(outcome?.[field] ?? 0), 0);

export function totalsOf(statements: readonly Statement[]) {
  const all = (field: string): string[] =>
    [
      ...new Set(
        statements.flatMap(({ decision }) => (decision?.[field] === undefined ? [] : [String(decision[field])])),
      ),
    ].toSorted();
  return {
    statements: statements.length,
    refused: statements.filter(isRefused).length,
    stopped: statements.filter(({ outcome }) => outcome?.status === 'cut').length,
    observed: statements.filter(({ decision }) => decision?.would === 'refuse').length,
    rows: sum(statements, 'rows'),
    bytes: sum(statements, 'bytes'),
    changed: sum(statements, 'changed'),
    unended: statements.filter(isUnended).length,
    undecided: statements.filter(({ decision }) => !decision).length,
    first: statements.length === 0 ? undefined : Math.min(...statements.map(({ started }) => started)),
    last: statements.length === 0 ? undefined : Math.max(...statements.map(({ ended }) => ended)),
    users: all('user'),
    roles: all('role'),
    databases: all('database'),
  };
}

export function readsOf(statements: readonly Statement[], field: 'tables' | 'columns') {
  const ran = statements.filter((each) => !isRefused(each));
  const names = [...new Set(ran.flatMap(({ decision }) => (decision?.[field] ?? []) as string[]))];
  return names
    .map((name) => {
      const those = ran.filter(({ decision }) => ((decision?.[field] ?? []) as string[]).includes(name));
      return {
        name,
        statements: those.length,
        rows: sum(those, 'rows'),
        bytes: sum(those, 'bytes'),
        changed: sum(those, 'changed'),
      };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export function peopleOf(statements: readonly Statement[]) {
  const named = new Map<string, Set<string>>();
  for (const id of statements.flatMap(({ people }) => [...people])) {
    const key = id.split(':')[0] ?? '';
    named.set(key, (named.get(key) ?? new Set()).add(id));
  }
  const sums = { counted: 0, questions: 0, values: 0, namedIn: 0, countedIn: 0 };
  for (const { outcome, people } of statements) {
    const told = toldBy(outcome);
    sums.counted += Math.max(0, told.people - people.size);
    sums.questions += told.questions;
    sums.values += told.values;
    if (told.people > 0) sums.namedIn += 1;
    else if (told.questions + told.values > 0) sums.countedIn += 1;
  }
  const known = named.size > 0 || statements.some(({ outcome }) => outcome?.subjects);
  const keys = [...named].map(([key, ids]) => ({ key, people: ids.size })).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return known ? [{ subject: 'student', named: keys, ...sums }] : [];
}

/** Its figures about students. */
export function toldBy(outcome: Statement['outcome']) {
  const student = (outcome?.subjects as { student?: Record<string, number> } | undefined)?.student;
  const { people = 0, questions = 0, values = 0 } = student ?? {};
  return { people, questions, values };
}

/** By address and application: statements and rows. */
export function clientsOf(statements: readonly Statement[]) {
  const by = new Map<string, Statement[]>();
  for (const each of statements) {
    const address = String(each.decision?.client ?? 'not known').replace(/:[0-9]+$/, '');
    const key = `${address} ${each.decision?.application ?? ''}`;
    by.set(key, [...(by.get(key) ?? []), each]);
  }
  return new Map([...by].map(([key, those]) => [key, { statements: those.length, rows: sum(those, 'rows') }]));
}

export function shapesOf(statements: readonly Statement[]) {
  const by = new Map<string, Statement[]>();
  for (const each of statements) {
    const key = String(each.decision?.fingerprint ?? '');
    by.set(key, [...(by.get(key) ?? []), each]);
  }
  return new Map(
    [...by].map(([key, those]) => [
      key,
      {
        statements: those.length,
        refused: those.filter(isRefused).length,
        rows: sum(those, 'rows'),
        people: new Set(those.flatMap(({ people }) => [...people])).size,
      },
    ]),
  );
}

/** Statements and logins refused in the time. */
export function refusalsOf(records: readonly Whole[], since: number, until: number) {
  const inside = records.filter((record) => timeOf(record) >= since && timeOf(record) < until);
  const late = inside.filter(
    (record) => record.kind === 'outcome' && (record.status === 'cut' || record.reason !== undefined),
  );
  const early = inside.filter((record) => record.kind === 'decision' && isStop(record.effect));
  const reasonOf = (record: Whole): string =>
    String(record.reason ?? (record.limit as { name?: string } | undefined)?.name ?? record.effect);
  const times = (names: readonly string[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  };
  const refused = [...early, ...late];
  const observed = inside.filter(
    (record) => record.kind === 'decision' && record.would === 'refuse' && !isStop(record.effect),
  );
  const tablesOf = (record: Whole): string[] =>
    ((record.kind === 'decision' ? record : records.find((each) => each.kind === 'decision' && each.id === record.id))
      ?.tables ?? []) as string[];
  return {
    statements: refused.length,
    late: late.length,
    logins: inside.reduce((n, { kind, count }) => n + (kind === 'login-refused' ? Number(count ?? 1) : 0), 0),
    decisions: inside.filter(({ kind }) => kind === 'decision').length,
    observed: observed.length,
    by: [refused, observed].map((those) => ({
      reason: times(those.map(reasonOf)),
      principal: times(those.map(({ principal }) => String(principal))),
      table: times(those.flatMap(tablesOf)),
    })),
  };
}

/** By principal, what is added up in the time. */
export function principalsOf(records: readonly Whole[], since: number, until: number) {
  const inside = records.filter((record) => timeOf(record) >= since && timeOf(record) < until);
  const kinds = ['decision', 'outcome', 'seen', 'login'];
  const names = new Set(
    inside.filter(({ kind }) => kinds.includes(String(kind))).map(({ principal }) => String(principal)),
  );
  return new Map(
    [...names].map((name) => {
      const mine = inside.filter(({ principal }) => principal === name);
      const of = (kind: string): Whole[] => mine.filter((record) => record.kind === kind);
      const total = (field: string): number => of('outcome').reduce((all, record) => all + Number(record[field]), 0);
      const lastLogin = of('login')
        .map(timeOf)
        .toSorted((a, b) => b - a)[0];
      return [
        name,
        {
          logins: of('login').length,
          lastLogin,
          statements: of('decision').length,
          refused: of('decision').filter(({ effect }) => isStop(effect)).length,
          rows: total('rows'),
          bytes: total('bytes'),
          changed: total('changed'),
          people: new Set(mine.flatMap(idsIn)).size,
        },
      ] as const;
    }),
  );
}
