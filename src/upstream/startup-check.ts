/**
 * Whether the settings of the startup packet are in force, where no pooler stands before the server. Few bytes, that cost the server little: a look into pg_settings
 * takes it longer than the whole login.
 */
import { randomBytes } from 'node:crypto';
import { MESSAGE_LEVELS, readsAs, type SessionPins } from './verify-settings.ts';

/** Unknown to the server: where it has this session's value, the startup packet has come as it was sent, and for this session alone. */
const MARK = 'rowgate.connection';

/** The pinned settings, and a mark that no other session has. */
export function marked(pinned: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...pinned, [MARK, randomBytes(12).toString('hex')]]);
}

/**
 * What is shown is what RESET comes back to: a pooler that has set it instead is found out. Nothing here is looked up by a
 * search_path.
 */
export function startupPinsQuery({ pinned }: SessionPins): string {
  const names = [...pinned.keys(), 'client_min_messages'];
  return `${names.map((name) => `RESET ${name};SHOW ${name};`).join('')}SHOW session_authorization`;
}

/** What is wrong in the answer to it; empty where everything holds. */
export function startupProblems(
  { pinned, account }: SessionPins,
  rows: readonly (readonly (string | null)[])[],
): string[] {
  const shown = rows.map(([value]) => value ?? '');
  if (shown.length !== pinned.size + 2) return ['the settings cannot be read'];
  const problems: string[] = [];
  [...pinned].forEach(([name, wanted], at) => {
    const value = shown[at]!;
    if (readsAs(name, value, wanted)) return;
    problems.push(
      name === MARK
        ? 'the settings of the startup packet have not come to the server: is there a pooler? then set upstream.pooling'
        : `${name} is ${value}`,
    );
  });
  const [messages = '', user = ''] = shown.slice(pinned.size);
  if (!MESSAGE_LEVELS.has(messages)) problems.push(`client_min_messages is ${messages}`);
  // With no other role in force, which is pinned, this is who it runs as.
  if (user !== account) problems.push(`the session is of "${user}", not of "${account}"`);
  return problems;
}
