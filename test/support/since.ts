/** Tests of what a server has since some version: on an older one they are skipped, and their names say what they need. */
import { test } from 'vitest';
import { serverVersion } from './postgres.ts';

type Run<Args extends readonly unknown[]> = (...args: Args) => Promise<void> | void;

/** In place of `test` where all of it needs that version. */
export function testSince(version: number): (name: string, run: Run<[]>) => void {
  return serverVersion() >= version ? test : (name, run) => test.skip(needing(name, version), run);
}

/** In place of `test.each` where single cases need a version, which `since` tells; the first cell is the name of those that are skipped. */
export function eachSince<Case extends readonly [name: string, ...rest: unknown[]]>(
  since: (item: Case) => number,
  cases: readonly Case[],
): (name: string, run: Run<Case>) => void {
  const tooNew = cases.filter((item) => since(item) > serverVersion());
  return (name, run) => {
    for (const item of tooNew) test.skip(needing(item[0], since(item)), () => run(...item));
    test.each(cases.filter((item) => !tooNew.includes(item)))(name, (...item) => run(...(item as unknown as Case)));
  };
}

function needing(name: string, version: number): string {
  return `${name} (needs PostgreSQL ${version})`;
}
