/** Tests names of users: visible characters are accepted, and no others of Unicode. */
import { expect, it } from 'vitest';
import { isUserName } from '../../src/metering/user-name.ts';

it.each([
  ...['7731', 'auth0|5f7c8ec7c33c6c004bbafe82', 'jean-rené.o’brien@école.fr', 'José Peña', 'Ω μέγα', 'Юлия', '李小龍'],
  ...[
    '김철수',
    'मनीषा',
    'ศรีสุข',
    'مریم',
    'cn=Ana,ou=Staff,o=School',
    'https://idp.example.org/users/7',
    'a+b~c^d$`<>',
    '²a'.slice(1),
  ],
])('%s is one', (name) => {
  expect(isUserName(name.normalize('NFC'))).toBe(true);
});

it('a blank is single, and between two other characters', () => {
  expect(['', ' ', ' a', 'a ', 'a  b', 'a\u00a0b', 'a\tb', 'a\nb'].map(isUserName)).toEqual(Array(8).fill(false));
  expect(isUserName('a b c')).toBe(true);
});

it('a mark without its letter, and text in another form than NFC, are refused', () => {
  expect(['\u0301a', '7\u0301', 'a \u0301', 'e\u0301'].map(isUserName)).toEqual([false, false, false, false]);
});

it('of all that Unicode has, controls, formats, other blanks, fillers, symbols and what is not assigned are in none', () => {
  const taken = (pattern: RegExp): string[] => {
    const found: string[] = [];
    for (let code = 0; code <= 0x10ffff; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const character = String.fromCodePoint(code);
      if (pattern.test(character) && isUserName(`a${character}b`)) found.push(code.toString(16));
    }
    return found;
  };
  expect(taken(/[\p{C}\p{Zl}\p{Zp}\p{So}\p{Default_Ignorable_Code_Point}]/u)).toEqual([]);
  expect(taken(/\p{Z}/u)).toEqual(['20']);
  // Seen as blanks on a screen, though Unicode calls them letters, marks or symbols.
  const blank = [0x2800, 0x3164, 0xffa0, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x034f, 0x16fe4, 0x13441, 0x13442, 0x1d159];
  expect(blank.filter((code) => isUserName(`a${String.fromCodePoint(code)}b`))).toEqual([]);
});
