/** Runs SQLsmith, which makes up statements from what it reads in a server's catalogs, and gives what it sent. */
import { spawn } from 'node:child_process';

export interface SmithRun {
  /** The generated statements, in order. */
  readonly statements: readonly string[];
  /** How it ended by itself; undefined where its time was over. */
  readonly died: string | undefined;
  /** What it said, without the statements. */
  readonly said: string;
}

/** What begins a statement that it prints. */
const STATEMENT = /^(?:select|insert|update|delete|merge|with)\b/;

export async function runSmith(path: string, url: string, seed: number, seconds: number): Promise<SmithRun> {
  const child = spawn(
    path,
    [`--target=${url}`, `--seed=${seed}`, '--exclude-catalog', '--dump-all-queries', '--verbose'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let printed = '';
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  let timeIsOver = false;
  const timer = setTimeout(() => {
    timeIsOver = true;
    child.kill('SIGTERM');
  }, seconds * 1000);
  const ended = await new Promise<string>((done, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => done(`${code ?? signal}`));
  });
  clearTimeout(timer);
  const statements = printed
    .split(/;\s*\n/)
    .map((text) => text.trim())
    .filter((text) => STATEMENT.test(text));
  return { statements, died: timeIsOver ? undefined : ended, said };
}
