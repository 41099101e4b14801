/** Where the processor's time of a process goes, by Linux's own sampling (`perf`): the kernel, native code, V8's built-in functions, compiled JavaScript. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { tool } from '../../support/tools.ts';

const run = promisify(execFile);

const SAMPLES_A_SECOND = 2000;
const FIELDS = ';';
/** V8's built-in functions are within the program's own file. */
const BUILTIN = 'Builtins_';

export const PLACES = ['kernel', 'native', 'built-in', 'JavaScript'] as const;
/** Of all samples, one together. */
export type Shares = Readonly<Record<(typeof PLACES)[number], number>>;

export interface Sampling {
  /** Throws where nothing was sampled, with what perf says. */
  stop(): Promise<Shares>;
}

/** Undefined where perf is not installed. @param file to keep the samples in. */
export async function sample(pid: number, file: string): Promise<Sampling | undefined> {
  const perf = tool('perf').path;
  if (!perf) return undefined;
  const args = ['record', '-F', String(SAMPLES_A_SECOND), '-p', String(pid), '-o', file];
  const child: ChildProcess = spawn(perf, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const exit = once(child, 'exit');
  return {
    async stop() {
      child.kill('SIGINT');
      await exit;
      const report = ['report', '-i', file, '--stdio', '-n', '--no-children', '--sort', 'dso,sym', '-t', FIELDS];
      const { stdout } = await run(perf, report, { maxBuffer: 64 * 1024 * 1024 }).catch((error) => {
        throw new Error(`perf has nothing to report: ${said}${error.stderr}`);
      });
      return sharesOf(stdout);
    },
  };
}

/** @param report lines `share;samples;file;[k] symbol`, and comments. Throws where it holds no sample. */
export function sharesOf(report: string): Shares {
  const samples = { kernel: 0, native: 0, 'built-in': 0, JavaScript: 0 };
  for (const line of report.split('\n')) {
    const [, count, file, symbol] = line.split(FIELDS).map((field) => field.trim());
    if (line.startsWith('#') || count === undefined || file === undefined || symbol === undefined) continue;
    samples[placeOf(file, symbol)] += Number(count);
  }
  const all = Object.values(samples).reduce((sum, count) => sum + count, 0);
  if (!(all > 0)) throw new Error('perf has sampled nothing');
  return {
    kernel: samples.kernel / all,
    native: samples.native / all,
    'built-in': samples['built-in'] / all,
    JavaScript: samples.JavaScript / all,
  };
}

function placeOf(file: string, symbol: string): keyof Shares {
  if (symbol.startsWith('[k]')) return 'kernel';
  if (symbol.includes(BUILTIN)) return 'built-in';
  // Code in no file was compiled while it ran.
  const isCompiled = file.startsWith('[JIT]') || file.startsWith('//anon') || /^perf-\d+\.map$/.test(basename(file));
  return isCompiled ? 'JavaScript' : 'native';
}
