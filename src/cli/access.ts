/** `rowgate access`: who may see a table or column, in what form, and by which rule; and which principals and grants are not used. */

import type { Command } from 'commander';
import { printOut } from '../app/print.ts';
import { countText } from '../decision-log/reports/report.ts';
import {
  quoteIdentifier,
  type ResolvedName,
  resolveColumn,
  resolveColumnRef,
  resolveRelation,
  splitName,
} from '../policy/compile/names.ts';
import type { ColumnRef } from '../policy/model/policy.ts';
import { type AccessReview, accessTo, type ReviewedAccess } from '../policy/review/access.ts';
import type { Catalog, Relation } from '../sql/catalog/catalog.ts';
import { findStale, staleInWords } from './access-stale.ts';
import { isFound, unusedGrants, unusedInWords } from './access-unused.ts';
import { failed, table } from './ask-guard.ts';
import { groundOf } from './ground.ts';
import { fromLog, type IndexOptions, type LogCommandOptions } from './log-source.ts';

const EXAMPLES = `
Examples:
  rowgate access students
  rowgate access students.ine
  rowgate access public.students.ine --json
  rowgate access students --catalog catalog.json    without the database
  rowgate access --stale                            principals that were not used for 90 days, by the decision log
  rowgate access --stale --days 30 --log october.jsonl --log november.jsonl
  rowgate access --unused                           grants and functions that nothing used in 395 days, and the lines to delete

Exit code: 0 where every role was looked at, 1 where errors close some or withhold something and the list may not be whole, or where --stale or
--unused has found something, 2 where nothing could be found out.`;

interface Options extends LogCommandOptions, IndexOptions {
  readonly catalog?: string;
  readonly json?: boolean;
  readonly stale?: boolean;
  readonly unused?: boolean;
  readonly days: string;
}

interface Reviewed extends AccessReview {
  /** `public.students.ine` */
  readonly of: string;
  /** Errors for which a role lacks a table, column or function that the policies name. */
  readonly withheld: readonly string[];
}

export function register(program: Command): void {
  fromLog(program.command('access'))
    .description(
      'list who may see a table or column, in what form, and by which line of the policies; or what is not used',
    )
    .argument('[table[.column]]', 'with its schema, or as search_path finds it')
    .option('--catalog <file>', 'a saved catalog in place of the database')
    .option('--stale', 'principals that were not used for long, by the decision log')
    .option('--unused', 'grants and functions that nothing used, by the decision log')
    .option('--days <n>', 'with --stale: for this many days', '90')
    .option('--no-index', 'with --stale and --unused: read all files of the log as they are')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string | undefined, options: Options, command: Command) => {
      const asked = [name !== undefined, options.stale === true, options.unused === true];
      if (asked.filter(Boolean).length !== 1) {
        command.error('error: name a table or column, or ask for --stale or --unused', { exitCode: 2 });
      }
      if (options.unused) return unused(options);
      if (name === undefined) return stale(options, command);
      const reviewed = await review(name, options);
      if (!reviewed) return;
      printOut(options.json ? `${JSON.stringify(reviewed)}\n` : formatAccess(reviewed));
      process.exitCode = reviewed.closed.length + reviewed.withheld.length > 0 ? 1 : 0;
    });
}

async function stale(options: Options, command: Command): Promise<void> {
  if (!/^[1-9][0-9]{0,4}$/.test(options.days)) {
    command.error(`error: --days: expected a number of days, found "${options.days}"`, { exitCode: 2 });
  }
  const found = await findStale({ ...options, days: Number(options.days) });
  if (!found) return;
  const { timeZone, ...shown } = found;
  printOut(options.json ? `${JSON.stringify(shown)}\n` : staleInWords(found));
  process.exitCode = found.stale.length > 0 ? 1 : 0;
}

async function unused(options: Options): Promise<void> {
  const found = await unusedGrants(options);
  if (!found) return;
  const { timeZone: _, ...shown } = found;
  printOut(options.json ? `${JSON.stringify(shown)}\n` : unusedInWords(found));
  process.exitCode = isFound(found) ? 1 : 0;
}

/** Undefined if nothing could be found out: the problem was printed, and the exit code is set. */
async function review(name: string, options: Options): Promise<Reviewed | undefined> {
  const ground = await groundOf(options, 'whole');
  if (!ground) return undefined;
  const { config, catalog, policy, withheld } = ground;
  const resolved = resolve(catalog, config.searchPath, name);
  if ('problem' in resolved) return failed(2, resolved.problem);
  const { relation, column } = resolved.value;
  const of = [relation.schema, relation.name, ...(column ? [column.name] : [])].join('.');
  return { of, ...accessTo(relation, column, policy, catalog, config.searchPath), withheld };
}

type Named = { readonly relation: Relation; readonly column?: ColumnRef['column'] };

/** A name of two parts is a table's column if there is one, else a schema's table. */
function resolve(catalog: Catalog, searchPath: readonly string[], name: string): ResolvedName<Named> {
  const parts = splitName(name);
  if (!parts || parts.length > 3) {
    return { problem: `"${name}" is not the name of a table or column`, missing: false };
  }
  const table = (of: readonly string[]): ResolvedName<Relation> => {
    const quoted = of.map(quoteIdentifier).join('.');
    const found = resolveRelation(catalog, searchPath, quoted);
    return 'problem' in found ? { ...found, problem: found.problem.replace(quoted, of.join('.')) } : found;
  };
  if (parts.length === 2) {
    const relation = table(parts.slice(0, 1));
    const column = 'value' in relation ? resolveColumn(relation.value, parts[1] ?? '') : relation;
    if ('value' in relation && 'value' in column) return { value: { relation: relation.value, column: column.value } };
    const whole = table(parts);
    if ('value' in whole) return { value: { relation: whole.value } };
    if ('value' in relation && 'problem' in column) return column;
    const named = `relation "${parts.join('.')}" does not exist`;
    return { ...whole, problem: whole.problem.startsWith(named) ? whole.problem : `${named}: ${whole.problem}` };
  }
  if (parts.length === 3) return resolveColumnRef(catalog, searchPath, parts.map(quoteIdentifier).join('.'));
  const relation = table(parts);
  return 'value' in relation ? { value: { relation: relation.value } } : relation;
}

/** What `rowgate access` says, as a table for people. */
const HEADINGS = ['role', 'principals', 'access', 'form', 'rows', 'rule'] as const;
/** More principals than this are counted. */
const LISTED = 3;

function formatAccess({
  of,
  access,
  closed,
  withheld,
}: AccessReview & { readonly of: string; readonly withheld: readonly string[] }): string {
  const lines = [`${of}: ${summary(access)}`, ''];
  if (access.length > 0) lines.push(table([HEADINGS, ...access.map(cells)]));
  for (const { role, reason } of closed) lines.push(`not looked at: role ${role}, which is closed: ${reason}`);
  for (const error of withheld) lines.push(`not looked at, for it is withheld: ${error}`);
  return `${lines.join('\n').trimEnd()}\n`;
}

function summary(access: readonly ReviewedAccess[]): string {
  const roles = new Set(access.map(({ role }) => role));
  const principals = new Set(access.flatMap((of) => of.principals));
  if (roles.size === 0) return 'no role has access';
  return `${countText(roles.size, 'role')}, ${countText(principals.size, 'principal')}`;
}

function cells({ role, principals, way, form, rows, rule }: ReviewedAccess): string[] {
  const shown = principals.slice(0, LISTED).join(', ');
  const more = principals.length - LISTED;
  const who = principals.length === 0 ? '(none)' : more > 0 ? `${shown} and ${more} more` : shown;
  return [role, who, way, form, way === 'filter' ? '-' : rows.length === 0 ? 'every' : rows.join(' AND '), rule];
}
