/** Limits that leave honest use alone, as a policy writes them: the 99.9th percentile and a margin, rounded up to two digits. */
import { amountName } from '../policy/model/limits-in-force.ts';
import type { Percentiles } from './log-report-percentiles.ts';
import { twoDigits } from './log-report-tally.ts';

/** A `limits:` block in YAML. */
export function proposedLimits(usage: readonly Percentiles[], margin: number): string {
  const lines: string[] = [];
  const of = (measure: string): Percentiles[] => usage.filter((each) => each.measure === measure);
  const amount = ({ measure, p999 }: Percentiles, more = margin): string => rounded(measure, p999 * (1 + more));
  for (const measure of ['rows_per_statement', 'bytes_per_statement']) {
    for (const each of of(measure)) lines.push(`  ${measure}: ${amount(each)}`);
  }
  for (const measure of ['rows', 'bytes', 'statements', 'changed']) {
    const windows = of(measure).map((each) => `${amount(each)} ${each.window}`);
    if (windows.length > 0) lines.push(`  ${measure}: [${windows.join(', ')}]`);
  }
  const subjects = [...new Set(usage.flatMap(({ measure }) => /^subjects\.(.+)$/.exec(measure)?.[1] ?? []))];
  // Who was named, and counted by no limit, may have been named before.
  const isCounted = (subject: string): boolean =>
    of(`subjects.${subject}`).every(({ atMost, most }) => !atMost || most === 0);
  const counted = subjects.filter(isCounted);
  for (const key of ['subjects', 'answers']) {
    const blocks = counted.flatMap((subject) => {
      const windows = of(`${key}.${subject}`).flatMap((each) => [
        `${amount(each, 0)} ${each.window} warn`,
        `${amount(each)} ${each.window}`,
      ]);
      return windows.length > 0 ? [`    ${subject}: [${windows.join(', ')}]`] : [];
    });
    if (blocks.length > 0) lines.push(`  ${key}:`, ...blocks);
  }
  for (const subject of subjects) {
    if (counted.includes(subject)) continue;
    lines.push(
      `  # People who are shown twice count once, and the log says so only where a limit counts them. Begin with:`,
      `  # subjects: { ${subject}: [1000000 per day warn, 1000000 per 30 days warn] }`,
    );
  }
  return `limits:\n${lines.join('\n')}\n`;
}

const KB = 1024;

function rounded(measure: string, amount: number): string {
  if (!measure.startsWith('bytes')) return String(Math.max(1, twoDigits(amount)));
  const unit = amount >= KB * KB ? KB * KB : KB;
  return amountName('bytes', Math.max(1, twoDigits(amount / unit)) * unit);
}
