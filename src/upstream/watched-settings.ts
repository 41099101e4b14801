/** How a session checks its pinned settings: by an assertion in SQL, and by what the server reports. */
import { Buffer } from 'node:buffer';
import type { Pins } from '../session/ports.ts';
import { MESSAGE_LEVELS, readsAs } from './verify-settings.ts';

const made = new WeakMap<ReadonlyMap<string, string>, Map<string, Pins>>();

/** Shared by the sessions of an account. */
export function sessionPins(pinned: ReadonlyMap<string, string>, account: string): Pins {
  const ofAccounts = made.get(pinned) ?? new Map<string, Pins>();
  made.set(pinned, ofAccounts);
  const pins = ofAccounts.get(account) ?? makePins(pinned, account);
  ofAccounts.set(account, pins);
  return pins;
}

/**
 * The assertion must mean the same under any settings and search_path: every name is qualified, and text contains no backslash and only ASCII
 * letters.
 */
function makePins(pinned: ReadonlyMap<string, string>, account: string): Pins {
  const checks = new Map([...pinned].map(([name, value]) => [name, holds(name, value)]));
  const levels = [...MESSAGE_LEVELS].map(literal).join(', ');
  checks.set('client_min_messages', `${setting('client_min_messages')} OPERATOR(pg_catalog.=) ANY (ARRAY[${levels}])`);
  checks.set('session_authorization', `session_user OPERATOR(pg_catalog.=) ${literal(account)}::pg_catalog.name`);
  const own = assertionOf(checks);
  return {
    assertion: (path) =>
      path === undefined ? own : assertionOf(new Map([...checks, ['search_path', holds('search_path', path)]])),
    namesIn: (message) => [...checks.keys()].filter((name) => new RegExp(`\\b${name}\\b`).test(message)),
    differs: (name, value, path) => {
      if (name === 'session_authorization') return value !== account;
      const wanted = (name === 'search_path' ? path : undefined) ?? pinned.get(name);
      return wanted !== undefined && !readsAs(name, value, wanted);
    },
  };
}

function assertionOf(checks: ReadonlyMap<string, string>): string {
  const wrong = [...checks].map(([name, holding]) => `CASE WHEN ${holding} THEN NULL ELSE ${literal(name)} END`);
  return `SELECT CASE WHEN c.changed OPERATOR(pg_catalog.=) '' THEN 0 ELSE c.changed::pg_catalog.int4 END
 FROM (SELECT pg_catalog.concat_ws(' ', ${wrong.join(',\n ')})) AS c (changed)`;
}

function holds(name: string, value: string): string {
  if (name !== 'search_path') return `${setting(name)} OPERATOR(pg_catalog.=) ${literal(value)}`;
  // SET may format the value differently from the startup packet.
  return `${plain(setting(name))} OPERATOR(pg_catalog.=) ${plain(literal(value))}`;
}

function plain(text: string): string {
  return `pg_catalog.translate(${text}, '" ', '')`;
}

function setting(name: string): string {
  return `pg_catalog.current_setting('${name}')`;
}

/** Plain characters as they are, all others by their bytes. */
function literal(text: string): string {
  if (/^[\x20-\x26\x28-\x5b\x5d-\x7e]*$/.test(text)) return `'${text}'::pg_catalog.text`;
  const hex = Buffer.from(text).toString('hex');
  return `pg_catalog.convert_from(pg_catalog.decode('${hex}', 'hex'), 'UTF8')`;
}
