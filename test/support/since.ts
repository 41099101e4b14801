/** Tests of features that the server has since some version: on an older one they are skipped, and their names say what they need. */
import { test } from 'vitest';
import { serverVersion } from './postgres.ts';
import { condition, type Need, testWith } from './tools.ts';

type Run<Args extends readonly unknown[]> = (...args: Args) => Promise<void> | void;

/** In place of `test` where all of it needs that version. */
export function testSince(version: number): (name: string, run: Run<[]>) => void {
  return testWith(since(version));
}

/** In place of `test.each` where single cases need a version, which `since` tells; the first cell is the name of those that are skipped. */
export function eachSince<Case extends readonly [name: string, ...rest: unknown[]]>(
  versionOf: (item: Case) => number,
  cases: readonly Case[],
): (name: string, run: Run<Case>) => void {
  const tooNew = cases.filter((item) => versionOf(item) > serverVersion());
  return (name, run) => {
    for (const item of tooNew) testSince(versionOf(item))(item[0], () => run(...item));
    test.each(cases.filter((item) => !tooNew.includes(item)))(name, (...item) => run(...(item as unknown as Case)));
  };
}

function since(version: number): Need {
  return condition(serverVersion() >= version, `PostgreSQL ${version}`);
}
