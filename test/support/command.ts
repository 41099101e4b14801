/** Runs a command of `rowgate` in this process, as the shell calls it. */
import { Command } from 'commander';
import { vi } from 'vitest';

export interface Said {
  readonly stdout: string;
  readonly stderr: string;
  /** Its exit code. */
  readonly status: number;
}

/** `registers`: what makes the commands known that are called. */
export async function runCommand(
  registers: readonly ((program: Command) => void)[],
  args: readonly string[],
): Promise<Said> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    const program = new Command('rowgate').exitOverride();
    for (const register of registers) register(program);
    await program.parseAsync(['node', 'rowgate', ...args]);
    return { ...written, status: Number(process.exitCode ?? 0) };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
