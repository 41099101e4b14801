/** What the server is asked of one statement, as messages, and the places in its answer. */

import { Buffer } from 'node:buffer';
import { bind, textValue } from '../protocol/bind.ts';
import { execute } from '../protocol/execute.ts';
import { parse } from '../protocol/parse.ts';
import { query } from '../protocol/query.ts';
import { sync } from '../protocol/simple-frontend.ts';
import type { Sent } from '../session/admission/budget-port.ts';
import { NO_VALUES } from '../session/client/execute.ts';
import { escapedLiteral } from '../upstream/setup.ts';
import type { Explained } from './explained.ts';

export interface PlanQuestion {
  readonly messages: Uint8Array;
  /** How many ReadyForQuery answer it. */
  readonly answers: number;
  /** In which of them the plan comes, from 0. */
  readonly plan: number;
}

export type Bound = NonNullable<Sent['bound']>;

export interface AskedWith {
  /** DateStyle and similar settings. */
  readonly settings?: ReadonlyMap<string, string>;
  /** Milliseconds. */
  readonly timeout: number;
}

const EXPLAIN = 'EXPLAIN (FORMAT JSON, VERBOSE)';

/** The plan of a text with these values. */
export function planText(text: string, types: readonly number[], bound: Bound, asked: AskedWith): PlanQuestion {
  return question([statement(`${EXPLAIN} ${text}`, types, bound)], 1, asked);
}

/**
 * The plan of a text for whatever values, which the server makes of prepared statements alone where a text comes by Parse.
 * @param types a name for each parameter; `unknown` where the server decides.
 * @param name one of this connection's own.
 */
export function askGeneric(text: string, types: readonly string[], name: string, asked: AskedWith): PlanQuestion {
  const [taken, given] =
    types.length === 0 ? ['', ''] : [`(${types.join(', ')})`, `(${types.map(() => 'NULL').join(', ')})`];
  return askPrepared(
    { prepare: `PREPARE ${name}${taken} AS ${text}`, execute: `EXECUTE ${name}${given}` },
    'generic',
    name,
    asked,
  );
}

/** The plan of an EXECUTE, as the client's session would make it. */
export function askExecute(
  { prepare, execute: run }: Extract<Explained, { kind: 'prepared' }>,
  name: string,
  asked: AskedWith,
): PlanQuestion {
  return askPrepared({ prepare: prepare(name), execute: run(name) }, 'custom', name, asked);
}

function askPrepared(
  texts: { readonly prepare: string; readonly execute: string },
  plan: 'custom' | 'generic',
  name: string,
  asked: AskedWith,
): PlanQuestion {
  const messages = [
    statement(texts.prepare, [], NO_VALUES),
    query(`SAVEPOINT rowgate_estimate; SET LOCAL plan_cache_mode = force_${plan}_plan`),
    statement(`${EXPLAIN} ${texts.execute}`, [], NO_VALUES),
    // Prepared statements outlive a transaction that is undone.
    query('ROLLBACK TO SAVEPOINT rowgate_estimate'),
    query(`DEALLOCATE ${name}`),
    // An argument of EXECUTE is computed, and a lock that it takes would stay.
    ...(plan === 'custom' ? [query('SELECT pg_catalog.pg_advisory_unlock_all()')] : []),
  ];
  return question(messages, 3, asked);
}

/** A client's text is only sent by Parse, which takes one statement, and after EXPLAIN or PREPARE: no part of it runs. */
function statement(text: string, types: readonly number[], bound: Bound): Uint8Array {
  return Buffer.concat([
    parse({ name: '', text, types }),
    bind({ portal: '', statement: '', ...bound, resultFormats: [] }),
    execute({ portal: '', maxRows: 0 }),
    sync(),
  ]);
}

/** In a transaction that may only read, and that is undone: not even a function that is wrongly called immutable changes anything. */
function question(messages: readonly Uint8Array[], plan: number, { timeout, settings }: AskedWith): PlanQuestion {
  const begin = [
    'BEGIN READ ONLY',
    `SET LOCAL statement_timeout = ${timeout}`,
    `SET LOCAL lock_timeout = ${Math.ceil(timeout / 2)}`,
    // Rows are then those of all processes together.
    'SET LOCAL max_parallel_workers_per_gather = 0',
    'SET LOCAL cursor_tuple_fraction = 1',
    ...[...(settings ?? [])].map(
      ([name, value]) =>
        `SET LOCAL ${settingName(name)} = ${name === 'search_path' ? value || "''" : escapedLiteral(value)}`,
    ),
  ];
  const all = [query(begin.join('; ')), ...messages, query('ROLLBACK')];
  return { messages: Buffer.concat(all), answers: all.length, plan };
}

const SETTINGS: ReadonlySet<string> = new Set(['datestyle', 'intervalstyle', 'timezone', 'search_path']);

function settingName(name: string): string {
  if (!SETTINGS.has(name.toLowerCase())) throw new Error(`"${name}" is no setting of how literals are read`);
  return name;
}

/** Values in text format, as a Bind has them. */
export function boundTexts(values: readonly (string | null)[]): Bound {
  const bytes = values.map((value) => (value === null ? Buffer.from([255, 255, 255, 255]) : textValue(value)));
  return { formats: [], valueCount: values.length, values: Buffer.concat(bytes) };
}
