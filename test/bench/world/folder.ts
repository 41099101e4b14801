/** A temporary folder for the scripts and logs of one file's measurements. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Made when it is first asked for, removed after the file's tests. */
export function scratchFolder(): () => string {
  let made: string | undefined;
  afterAll(() => {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
  });
  return () => {
    made ??= mkdtempSync(join(tmpdir(), 'rowgate-bench-files-'));
    return made;
  };
}
