/** What `rowgate access` says, as a table for people. */
import type { AccessReview, ReviewedAccess } from '../policy/review/access.ts';

const HEADINGS = ['role', 'principals', 'access', 'form', 'rows', 'rule'] as const;
/** More principals than this are counted. */
const LISTED = 3;

export function formatAccess({
  of,
  access,
  closed,
  withheld,
}: AccessReview & { readonly of: string; readonly withheld: readonly string[] }): string {
  const lines = [`${of}: ${summary(access)}`, ''];
  if (access.length > 0) lines.push(...table([HEADINGS, ...access.map(cells)]), '');
  for (const { role, reason } of closed) lines.push(`not looked at: role ${role}, which is closed: ${reason}`);
  for (const error of withheld) lines.push(`not looked at, for it is withheld: ${error}`);
  return `${lines.join('\n').trimEnd()}\n`.replaceAll(/[^\P{C}\n]/gu, '?');
}

function summary(access: readonly ReviewedAccess[]): string {
  const roles = new Set(access.map(({ role }) => role));
  const principals = new Set(access.flatMap((of) => of.principals));
  if (roles.size === 0) return 'no role has access';
  return `${counted(roles.size, 'role')}, ${counted(principals.size, 'principal')}`;
}

function cells({ role, principals, way, form, rows, rule }: ReviewedAccess): string[] {
  const shown = principals.slice(0, LISTED).join(', ');
  const more = principals.length - LISTED;
  const who = principals.length === 0 ? '(none)' : more > 0 ? `${shown} and ${more} more` : shown;
  return [role, who, way, form, way === 'filter' ? '-' : rows.length === 0 ? 'every' : rows.join(' AND '), rule];
}

/** Columns as wide as what stands in them; the last is not filled up. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, at) => Math.max(...rows.map((row) => [...(row[at] ?? '')].length)));
  return rows.map((row) =>
    row
      .map((cell, at) => `${cell}${' '.repeat((widths[at] ?? 0) - [...cell].length)}`)
      .join('  ')
      .trimEnd(),
  );
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
