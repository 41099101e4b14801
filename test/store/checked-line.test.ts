/** Tests the checksum that shows whether a line of the state is as it was written. */
import { expect, it } from 'vitest';
import { checkedLine, crc32ByTable, readChecked } from '../../src/budget/store/disk/checked-line.ts';

it('is the common CRC-32, also where Node has none', () => {
  expect(crc32ByTable('123456789')).toBe(0xcbf43926);
  for (const text of ['', '{"a":"é€😀"}', '\ud800', 'x'.repeat(1001)])
    expect(checkedLine(text).slice(0, 8)).toBe(crc32ByTable(JSON.stringify(text)).toString(16).padStart(8, '0'));
});

it('a line with one changed character is refused', () => {
  const line = checkedLine({ owner: 'é', n: 12 }).trimEnd();
  expect(readChecked(line)?.value).toEqual({ owner: 'é', n: 12 });
  for (let at = 0; at < line.length; at++) {
    const other = line[at] === '1' ? '2' : '1';
    expect(readChecked(line.slice(0, at) + other + line.slice(at + 1))).toBeUndefined();
  }
});
