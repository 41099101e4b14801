/** Ends a run with the slowest files, and with the skipped tests and what they need: a green run on a machine that lacks tools has not shown all that it could. */
import type { Reporter, TestModule } from 'vitest/node';

/** In a run with more files than these the slowest are named. */
const SLOWEST = 12;

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    if (modules.length > SLOWEST) saySlowest(modules);
    const counts = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result();
        const note = 'note' in result ? result.note : undefined;
        const reason = reasonIn(note ?? test.fullName);
        if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
    }
    if (counts.size === 0) return;
    const lines = [...counts].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count} for ${reason}`);
    process.stdout.write(`Skipped, for what this machine or this run lacks: ${lines.join('; ')}.\n`);
  }
}

function saySlowest(modules: readonly TestModule[]): void {
  const times = modules.map((module) => ({ file: module.relativeModuleId, ms: module.diagnostic().duration }));
  const slowest = times.sort((a, b) => b.ms - a.ms).slice(0, SLOWEST);
  const lines = slowest.map(({ file, ms }) => `${(ms / 1000).toFixed(0).padStart(5)} s  ${file}\n`);
  process.stdout.write(`The slowest files:\n${lines.join('')}`);
}

/** As `tools.ts` writes it. Tests that others are picked from, by a name or a line, have none. */
function reasonIn(text: string): string | undefined {
  if (text.startsWith('needs ')) return text.slice('needs '.length);
  const at = text.indexOf('(needs ');
  return at < 0 ? undefined : upToItsEnd(text.slice(at + '(needs '.length));
}

/** Up to the parenthesis that closes the one before it. */
function upToItsEnd(text: string): string {
  let depth = 0;
  for (const [at, character] of [...text].entries()) {
    if (character === '(') depth++;
    if (character === ')' && depth-- === 0) return [...text].slice(0, at).join('');
  }
  return text;
}
