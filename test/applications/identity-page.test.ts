/** Tests that `docs/applications.md` shows the files that `identity.test.ts` runs, letter by letter. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { APPLICATIONS } from './identity/applications.ts';

const page = await readFile(join(import.meta.dirname, '../../docs/applications.md'), 'utf8');
const SHOWN = [...new Set(APPLICATIONS.map(({ shown }) => shown))];

interface Block {
  readonly language: string;
  readonly text: string;
  /** The file that the line above names. */
  readonly file: string | undefined;
}

const BLOCKS: readonly Block[] = [...page.matchAll(/^([^\n]*)\n\n```(\w*)\n(.*?)^```$/gms)].map(
  ([, before = '', language = '', text = '']) => {
    return {
      language,
      text,
      file: /\.\.\/test\/applications\/identity\/([^)]+)\)/.exec(before)?.[1],
    };
  },
);

it.each(SHOWN)('%s', async (shown) => {
  const block = BLOCKS.find(({ file }) => file === shown);
  expect(block?.text).toBe(await readFile(join(import.meta.dirname, 'identity', shown), 'utf8'));
});

it('shows no other code', () => {
  const others = BLOCKS.filter(({ file, language }) => file === undefined && language !== 'sql');
  expect(others.map(({ text }) => text)).toEqual([]);
  expect(BLOCKS.length).toBe((page.match(/^```/gm) ?? []).length / 2);
  expect(SHOWN.length).toBe(BLOCKS.filter(({ file }) => file !== undefined).length);
});
