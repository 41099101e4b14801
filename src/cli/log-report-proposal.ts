/** Limits that leave honest use alone, as a policy writes them: the 99.9th percentile and a margin, rounded up to two digits. */
import { amountName } from '../policy/limits-in-force.ts';
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
  const ofPeople = usage.filter(({ measure }) => measure.startsWith('subjects.'));
  const subjects = [...new Set(ofPeople.map(({ measure }) => measure))].map(
    (measure) => [measure.slice('subjects.'.length), of(measure)] as const,
  );
  const counted = subjects.filter(([, windows]) => !windows.some(({ atMost }) => atMost));
  const blocks = counted.map(
    ([subject, windows]) =>
      `    ${subject}: [${windows
        .flatMap((each) => [`${amount(each, 0)} ${each.window} warn`, `${amount(each)} ${each.window}`])
        .join(', ')}]`,
  );
  if (blocks.length > 0) lines.push('  subjects:', ...blocks);
  for (const [subject] of subjects) {
    if (counted.some(([name]) => name === subject)) continue;
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
