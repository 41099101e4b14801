/** Tests the output of commands: values from outside cannot control a terminal, and all output goes one way. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { oneLine, shownText } from '../../src/app/print.ts';
import { table } from '../../src/cli/ask-guard.ts';

it('only visible characters of Unicode are printed as they are, and JSON stays the same JSON', () => {
  const obeyed = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
  const left: string[] = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    const shown = shownText(character);
    if (obeyed.test(character) ? obeyed.test(shown) : shown !== character) left.push(code.toString(16));
  }
  expect(left).toEqual(['9', 'a']);
  const value = { text: '\u001b[2J\u009b1m\u202e\u{e0001}é\ud800' };
  expect(JSON.parse(shownText(JSON.stringify(value)))).toEqual(value);
});

it('a value in a table is in its line and column', () => {
  const text = table([
    ['principal', 'reason'],
    ['portal/ev\nil  now', '\u001b[1A\u001b[2Kx'],
  ]);
  expect(text.split('\n')).toHaveLength(3);
  expect(text).not.toContain('\u001b');
  expect(oneLine('a\r\nb')).toBe('a b');
});

/** Words of its own to a terminal. */
const OTHERS = ['print.ts', 'secret-prompt.ts'];

it('no command writes past it', () => {
  const folder = resolve(import.meta.dirname, '../../src/cli');
  const past = readdirSync(folder).filter(
    (file) =>
      !OTHERS.includes(file) &&
      /std(out|err)\.write|\bconsole\.(log|info|warn|error|debug|table|dir|group|trace)\b/.test(
        readFileSync(join(folder, file), 'utf8'),
      ),
  );
  expect(past).toEqual([]);
});
