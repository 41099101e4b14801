/** What stands in a cell, in words. */
import { bytesText, type Cell, type Column, count } from '../reports/report.ts';

export function cellText(cell: Cell, { kind }: Column): string {
  if (cell === undefined) return '';
  if (typeof cell === 'string') return cell;
  return kind === 'bytes' ? bytesText(cell) : count(cell);
}

export function isAmount({ kind }: Column): boolean {
  return kind === 'number' || kind === 'bytes';
}
