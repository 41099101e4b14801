/** What the decision log says about one principal, in lines for people: similar records share one line. */
import { shownTime } from '../policy/source/calendar.ts';

type Logged = Readonly<Record<string, unknown>>;

interface Told {
  readonly time: string;
  readonly what: string;
  times: number;
}

/** `records`: oldest first. */
export function story(records: readonly Logged[], principal: string, timeZone: string): string[] {
  const told: Told[] = [];
  const statements = new Map<unknown, unknown>();
  for (const record of records) {
    if (record.principal !== principal) continue;
    if (record.kind === 'decision') statements.set(record.id, record.statement);
    const what = wordsOf(record, statements.get(record.id));
    if (what === undefined) continue;
    const last = told.at(-1);
    const times = typeof record.count === 'number' ? record.count : 1;
    if (last?.what === what) last.times += times;
    else told.push({ time: shownTime(String(record.time), timeZone).slice(11, 19), what, times });
  }
  return told.map(({ time, what, times }) => `${time}  ${what}${times > 1 ? `   ×${times}` : ''}`);
}

function wordsOf(record: Logged, statement: unknown): string | undefined {
  const { kind, effect, reason, rule, status, waited, message } = record;
  switch (kind) {
    case 'login':
      return 'login';
    case 'login-refused':
      return `login-refused  ${String(reason)}`;
    case 'decision':
      return effect === 'refuse' || effect === 'lock'
        ? `refuse   ${String(reason)}${at(rule)}  ${short(statement)}`
        : undefined;
    case 'outcome':
      if (status === 'cut') return `cut      ${limitName(record)}  ${short(statement)}`;
      if (typeof waited === 'number' && waited > 0) return `slowed   ${short(statement)}`;
      return status === 'ok' ? `ok       ${short(statement)}` : undefined;
    case 'warning':
      return `warning  ${String(message)}`;
    case 'lock':
      return `lock     ${String(reason)}`;
    default:
      return undefined;
  }
}

function at(rule: unknown): string {
  return typeof rule === 'string' ? ` (${rule})` : '';
}

function limitName({ limit, sqlstate }: Logged): string {
  const { name, used, of } = (limit ?? {}) as { name?: string; used?: number; of?: number };
  return name === undefined ? `SQLSTATE ${String(sqlstate)}` : `${name} (${used} of ${of})`;
}

const SHORT = 70;

function short(statement: unknown): string {
  const text = String(statement).replaceAll(/\s+/g, ' ');
  return text.length > SHORT ? `${text.slice(0, SHORT)}…` : text;
}
