/** Makes of measured figures the cells and tables of docs/benchmarks.md. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new Error('nothing was measured');
  return (low + high) / 2;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** `0.55 (0.53–0.58)`, to three digits; whole where it is above a hundred. */
export function spread(values: readonly number[]): string {
  const middle = median(values);
  const size = Math.abs(middle);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  if (values.length === 1) return middle.toFixed(digits);
  return `${middle.toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

export function verdict(met: boolean): string {
  return met ? 'met' : '**not met**';
}
