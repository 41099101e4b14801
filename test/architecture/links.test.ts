/** Checks the links of the pages: each leads to a file of the repository or to a heading of a page, and each file that a page names exists. */
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
const besides = (await readdir(join(root, 'test'), { recursive: true })).filter(
  (name) => name.endsWith('.md') && !name.includes('node_modules'),
);
const pages = [
  'README.md',
  'CHANGELOG.md',
  'deploy/README.md',
  'deploy/metrics.md',
  ...docs,
  ...besides.map((name) => `test/${name}`),
];

const read = (page: string): string => readFileSync(join(root, page), 'utf8');

/** Without code, in which brackets are no links. */
function linksOf(text: string): string[] {
  const plain = text.replace(/^```[\s\S]*?^```/gm, '');
  return [...plain.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target!).filter((one) => !/^\w+:/.test(one));
}

/** The anchors that GitHub gives to headings. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function isDead(page: string, link: string): boolean {
  const [path, heading] = link.split('#');
  const file = path ? resolve(root, dirname(page), path) : join(root, page);
  if (!existsSync(file)) return true;
  return heading !== undefined && file.endsWith('.md') && !headingsOf(read(relative(root, file))).includes(heading);
}

it.each(pages)('%s', (page) => {
  expect(linksOf(read(page)).filter((link) => isDead(page, link))).toEqual([]);
});

/** Links whose words name a file of code other than the one to which they lead. */
function misnamedIn(text: string): string[] {
  return [...text.matchAll(/\[`?([\w./-]+\.ts)`?\]\(([^()\s]+)\)/g)]
    .filter(([, name, target]) => basename(name!) !== basename(target!))
    .map(([link]) => link);
}

it('a link that is the name of a file leads to the file of that name', () => {
  expect(pages.filter((page) => page !== 'CHANGELOG.md').flatMap((page) => misnamedIn(read(page)))).toEqual([]);
  expect(misnamedIn('[`a/b.ts`](../src/a/b.ts) [b.ts](../src/c.ts)')).toEqual(['[b.ts](../src/c.ts)']);
});

/** Files of code that comments name, in backticks. */
function namedIn(text: string): string[] {
  return [...text.matchAll(/^\s*(?:\/\*\*|\*|\/\/).*$/gm)].flatMap(([comment]) =>
    [...comment.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name]) => name!),
  );
}

it('a file that a comment names is there', async () => {
  const files = (await readdir(join(root, 'src'), { recursive: true })).filter((path) => path.endsWith('.ts'));
  const paths = files.map((path) => `/src/${path}`);
  const named = files.flatMap((path) => namedIn(read(join('src', path))).map((name) => [path, name] as const));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(([, name]) => !paths.some((path) => path.endsWith(`/${name}`)))).toEqual([]);
});

it('sees a dead one', () => {
  expect(linksOf('[a](b.md#c) `x` [`d`](../e.ts)')).toEqual(['b.md#c', '../e.ts']);
  expect(isDead('README.md', 'docs/nowhere.md')).toBe(true);
  expect(isDead('README.md', 'docs/glossary.md#nowhere')).toBe(true);
});
