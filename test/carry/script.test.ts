/** A script for psql falls into the statements that psql would send. */
import { expect, it } from 'vitest';
import { RECONNECT, type ScriptStep, statementsOf } from './script.ts';

const texts = (steps: readonly ScriptStep[]): string[] =>
  steps.map((step) => (step === RECONNECT ? step : step.text.trim()));

it.each([
  [
    'a semicolon in a string, a name, a comment or a body',
    `SELECT ';', E'\\';', ";" /* ; */; -- ;\nDO $a$ ; $$ $a$;`,
    [`SELECT ';', E'\\';', ";" /* ; */`, 'DO $a$ ; $$ $a$'],
  ],
  [
    'rules in parentheses',
    'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3;',
    ['CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)', 'SELECT 3'],
  ],
  [
    'a body in SQL',
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3;',
    ['CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END', 'SELECT 3'],
  ],
  ['commands of psql', '\\d t\nSELECT 1 \\g\n\\c -\nSELECT 2;', ['SELECT 1', RECONNECT, 'SELECT 2']],
  ['what needs psql', 'SELECT 1 AS x \\gset\nSELECT 1\\; SELECT 2;\nSELECT 3;', ['SELECT 3']],
  [
    'a cast, a slice and a variable',
    `\\set v 'it''s'\n\\set w a\nSELECT x::int, y[1:n], :'w', :"w", :unset;`,
    ['SELECT x::int, y[1:n], \'a\', "a", :unset'],
  ],
  ['an end', 'SELECT 1;\n\\q\nSELECT 2;', ['SELECT 1']],
])('%s', (_what, script, expected) => {
  expect(texts(statementsOf(script))).toEqual(expected);
});

it('gives COPY its data, and files by the environment', () => {
  const script = `\\getenv dir DIR\n\\set file :dir '/a.data'\nCOPY t FROM :'file';\nCOPY t FROM stdin;\n1\t;\n\\.\nSELECT 1;`;
  expect(statementsOf(script, { DIR: '/d' })).toEqual([
    { text: "\n\nCOPY t FROM '/d/a.data'" },
    { text: '\nCOPY t FROM stdin', data: '1\t;\n' },
    { text: '\nSELECT 1' },
  ]);
});
