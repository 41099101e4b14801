/** Checks that no regular expression takes more steps than its text has characters, but for a small multiple: on a client's megabyte it would hold up all sessions of a process. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createContext, Script } from 'node:vm';
import { parseSync } from 'vite';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../src');

/** The browser's half runs for itself; what the others read is whole JSON, and a list that the guard or the policy has written. */
const ELSEWHERE = /^(?:console\/web\/|identity\/json\.ts|policy\/model\/attribute-values\.ts)/;

interface Found {
  readonly at: string;
  readonly raw: string;
}

function expressionsIn(path: string): Found[] {
  const text = readFileSync(join(root, path), 'utf8');
  const found: Found[] = [];
  const look = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    const { regex, raw = '', start = 0 } = part as { regex?: object; raw?: string; start?: number };
    // Without a repetition it looks at a few characters.
    if (regex && /[*+}]/.test(raw)) found.push({ at: `${path}:${text.slice(0, start).split('\n').length}`, raw });
    if (!regex) for (const inner of Object.values(part)) look(inner);
  };
  look(parseSync(path, text).program);
  return found;
}

const LENGTH = 20_000;
const CHARACTERS = [...' \t\n\\-([{"\'a0_,.:/*=%'];
const PAIRS = ['a ', ', ', '""', "''", '\\"', 'a.', 'a,', '1 ', '(a', '()', "'a", '"a', '- '];

/** A character or two many times, behind some beginnings, and then what may not follow. */
const TEXTS = [
  ...CHARACTERS.flatMap((one) => ['', '0', 'a', '{'].map((before) => `${before}${one.repeat(LENGTH)}\u0001`)),
  ...PAIRS.flatMap((pair) => ['\u0001', ''].map((end) => pair.repeat(LENGTH / 2) + end)),
];

/** What is tried at each place of such a text takes a hundred milliseconds and more, what passes over it once a tenth of one. */
const MOST_MICROSECONDS = 60_000;
const context = createContext({ texts: [] });
/** For what takes hours. */
const GIVE_UP_MS = 60_000;

/** @returns the text on which it is slow, each time. */
function slowOn({ raw }: Found): string | undefined {
  const script = new Script(`for (const text of texts) text.replace(${raw}, '')`);
  const cost = (texts: readonly string[]): number => {
    context.texts = texts;
    const { user } = process.cpuUsage();
    script.runInContext(context, { timeout: GIVE_UP_MS });
    return process.cpuUsage().user - user;
  };
  if (cost(TEXTS) < MOST_MICROSECONDS) return undefined;
  const slow = TEXTS.find((text) => [1, 2, 3].every(() => cost([text]) > MOST_MICROSECONDS));
  return slow && `${raw} ${JSON.stringify(slow.slice(0, 4))}…${JSON.stringify(slow.slice(-2))}`;
}

it('the time of none grows faster than its text', () => {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const all = files.filter((path) => !ELSEWHERE.test(path)).flatMap(expressionsIn);
  expect(all.length).toBeGreaterThan(150);
  const slow = all.flatMap((found) => {
    const on = slowOn(found);
    return on === undefined ? [] : [`${found.at}: ${on}`];
  });
  expect(slow).toEqual([]);
});
