/** TABLESAMPLE: what can fail of it, and where it draws each row by itself, so that another draw with the same chances may stand in its place. */
import { askDecimal, askInteger, upTo } from '../parse/constants.ts';
import { as, type Body, type Node, strings } from '../parse/tree.ts';
import type { DrawnSample } from './findings.ts';
import type { Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** An invalid percentage fails as soon as the table is read. */
export function noteSample(r: Resolver, nodes: readonly Node[], scope: Scope): void {
  if (!nodes.every((node) => isWhole(node))) r.marks.fallible.push({ scope, afterRows: false });
}

function isWhole(node: Node): boolean {
  const integer = as(node, 'A_Const')?.ival;
  return integer !== undefined && askInteger(integer, upTo(100));
}

/** Without `pg_catalog`. */
export function sampleMethod(body: Body<'RangeTableSample'>): string {
  return strings(body.method)
    .filter((name, i) => i > 0 || name !== 'pg_catalog')
    .join('.');
}

/** BERNOULLI with a plain number from 0 to 100. SYSTEM takes whole pages, and REPEATABLE draws by the places of rows. */
export function drawnSample(body: Body<'RangeTableSample'>): DrawnSample | undefined {
  const [percent, another] = body.args ?? [];
  if (sampleMethod(body) !== 'bernoulli' || body.repeatable || !percent || another) return undefined;
  const { ival, fval } = as(percent, 'A_Const') ?? {};
  const below = ival ? askInteger(ival, belowOfInteger) : fval && askDecimal(fval, belowOfDecimal);
  return below === undefined ? undefined : { below };
}

function belowOfInteger(percent: number): string | undefined {
  return percent >= 0 && percent <= 100 ? uuidOfShare(percent / 100) : undefined;
}

/** Of six digits: the server reads it as real, and fails where it is too small for that. */
function belowOfDecimal(percent: string): string | undefined {
  return /^\d{0,3}\.\d{0,6}$/.test(percent) && Number(percent) <= 100 ? uuidOfShare(Number(percent) / 100) : undefined;
}

/** Its first 48 bits are random; behind them is the version, 4. */
function uuidOfShare(share: number): string {
  if (share === 1) return 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  const digits = Math.floor(share * 2 ** 48)
    .toString(16)
    .padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`;
}
