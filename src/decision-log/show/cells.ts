/** What stands in a cell, in words. */
import { bytesText, type Cell, count, type ReportColumn } from '../reports/report.ts';

export function cellText(cell: Cell, { kind }: ReportColumn): string {
  if (cell === undefined) return '';
  if (typeof cell === 'string') return cell;
  return kind === 'bytes' ? bytesText(cell) : count(cell);
}

export function isAmount({ kind }: ReportColumn): boolean {
  return kind === 'number' || kind === 'bytes';
}
