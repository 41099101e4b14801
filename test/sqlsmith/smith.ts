/** Runs SQLsmith, which makes up statements from a server's catalogs, and keeps some of what it sent. */
import { spawn } from 'node:child_process';
import { Random } from '../support/random.ts';

export interface SmithRun {
  /** Some of the generated statements, each with the same chance, without TABLESAMPLE. */
  readonly sample: readonly string[];
  /** How it ended by itself; undefined where its time was over. */
  readonly died: string | undefined;
  /** Its last output, without the statements. */
  readonly said: string;
}

/** The beginnings of statements that it prints. */
const STATEMENT = /^(?:select|insert|update|delete|merge|with)\b/;
const SAID = 2_000;
/** It reads the catalogs first, with a statement for each function: a minute, and more on a busy machine. */
export const READING_MS = 300_000;

export async function runSmith(
  path: string,
  url: string,
  { seed, seconds, sampled }: { seed: number; seconds: number; sampled: number },
): Promise<SmithRun> {
  const options = [`--target=${url}`, `--seed=${seed}`, '--exclude-catalog', '--dump-all-queries', '--verbose'];
  const child = spawn(path, options, { stdio: ['ignore', 'pipe', 'pipe'] });
  const sample = new Sample(sampled, seed);
  let printed = '';
  let said = '';
  let timeIsOver = false;
  let timer = setTimeout(() => child.kill('SIGTERM'), READING_MS);
  // From its first statement on.
  child.stdout.once('data', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timeIsOver = true;
      child.kill('SIGTERM');
    }, seconds * 1000);
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const statements = (printed + text).split(/;\s*\n/);
    printed = statements.pop()!;
    for (const statement of statements) sample.take(statement.trim());
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-SAID);
  });
  const ended = await new Promise<string>((done, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => done(`${code ?? signal}`));
  });
  clearTimeout(timer);
  return { sample: sample.kept, died: timeIsOver ? undefined : ended, said };
}

/** A fair sample of a stream of unknown length; the rest is not kept. */
class Sample {
  readonly kept: string[] = [];
  private seen = 0;
  private readonly random: Random;

  constructor(
    private readonly most: number,
    seed: number,
  ) {
    this.random = new Random(seed);
  }

  take(text: string): void {
    if (!STATEMENT.test(text)) return;
    const place = this.seen < this.most ? this.seen : this.random.int(this.seen + 1);
    this.seen += 1;
    if (place < this.most) this.kept[place] = withoutSampling(text);
  }
}

/** TABLESAMPLE SYSTEM is refused where rows are withheld, whatever else the statement is: three quarters of what it makes up have one of both. */
function withoutSampling(text: string): string {
  return text.replaceAll(/\s+tablesample (?:system|bernoulli) \([\d.]+\)/g, ' ');
}
