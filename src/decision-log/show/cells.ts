/** The text of a cell. */
import type { Speech } from '../language/speech.ts';
import type { Cell, ReportColumn } from '../reports/report.ts';

export function cellText(cell: Cell, { kind }: ReportColumn, speech: Speech): string {
  if (cell === undefined) return '';
  if (typeof cell === 'string') return cell;
  return kind === 'bytes' ? speech.bytes(cell) : speech.count(cell);
}

export function isAmount({ kind }: ReportColumn): boolean {
  return kind === 'number' || kind === 'bytes';
}
