/** Tests statements that set `rowgate.token`: their effect, and that the token goes to the session alone. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Judgement, TokenChange } from '../../src/guard/decision.ts';
import { Guard } from '../../src/guard/guard.ts';
import type { RolePolicy } from '../../src/policy/model/policy.ts';
import { isParsed, loadParser, parse } from '../../src/sql/parse/parse.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import { role } from '../proxy/support.ts';
import { emptyCatalog } from '../support/empty-catalog.ts';

const TOKEN = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiI3NzMxIn0.c2lnbmF0dXJl';

const ROLES: readonly (readonly [string, Partial<RolePolicy>])[] = [
  ['restricted', { access: 'restricted' }],
  ['unrestricted', {}],
  ['observed', { access: 'restricted', mode: 'observe' }],
];

beforeAll(() => loadParser());

const guardOf = (of: Partial<RolePolicy>, pooling: 'none' | 'transaction' = 'none') =>
  new Guard({ catalog: emptyCatalog(), role: role('app', of), searchPath: ['public'], pooling });

const changes = ({ statements }: Judgement): (TokenChange | undefined)[] =>
  statements.map(({ kind }) => (kind.kind === 'set' ? kind.token : undefined));

const sent = ({ template }: Judgement): string => renderTemplate(template, () => '?');

/** Each with what is sent in its place. */
const SETS: readonly (readonly [string, TokenChange, string])[] = [
  [`SET rowgate.token = '${TOKEN}'`, { local: false, to: { value: TOKEN } }, "SET rowgate.token TO ''"],
  [`set local rowgate.token to '${TOKEN}';`, { local: true, to: { value: TOKEN } }, "SET LOCAL rowgate.token TO '';"],
  [`SET SESSION "RowGate"."TOKEN" = '${TOKEN}'`, { local: false, to: { value: TOKEN } }, "SET rowgate.token TO ''"],
  [`SET U&"\\0072owgate".token = '${TOKEN}'`, { local: false, to: { value: TOKEN } }, "SET rowgate.token TO ''"],
  [`SET rowgate.token = "${TOKEN}"`, { local: false, to: { value: TOKEN } }, "SET rowgate.token TO ''"],
  [`/* a */ SET rowgate . token /* b */ = E'${TOKEN}' -- c`, { local: false, to: { value: TOKEN } }, '/* a */'],
  [`SET rowgate.token = $x$${TOKEN}$x$`, { local: false, to: { value: TOKEN } }, "SET rowgate.token TO ''"],
  ["SET rowgate.token = ''", { local: false, to: { value: '' } }, "SET rowgate.token TO ''"],
  [
    'SET rowgate.token = rowgate_stand_in',
    { local: false, to: { value: 'rowgate_stand_in' } },
    "SET rowgate.token TO ''",
  ],
  ['RESET rowgate.token', { local: false, to: 'default' }, "SET rowgate.token TO ''"],
  ['SET rowgate.token TO DEFAULT', { local: false, to: 'default' }, "SET rowgate.token TO ''"],
  ['SET LOCAL rowgate.token TO DEFAULT', { local: true, to: 'default' }, "SET LOCAL rowgate.token TO ''"],
  [
    `SELECT set_config('rowgate.token', '${TOKEN}', true)`,
    { local: true, to: { value: TOKEN } },
    "SELECT pg_catalog.set_config('rowgate.token', '', true)",
  ],
  [
    "SELECT pg_catalog.set_config('ROWGATE.token', $1::text, 'f')",
    { local: false, to: { parameter: 1 } },
    "SELECT pg_catalog.set_config('rowgate.token', $1::pg_catalog.text, false)",
  ],
];

describe.each(ROLES)('%s role', (_, of) => {
  it.each(SETS)('%s', (sql, change, text) => {
    const guard = guardOf(of);
    // As often as what is remembered, and what is learned, could get into each other's way.
    for (let time = 0; time < 4; time += 1) {
      const judgement = guard.judge(sql);
      expect(judgement.refusal).toBeUndefined();
      expect(changes(judgement)).toEqual([change]);
      expect(sent(judgement)).toContain(text);
      expect(sent(judgement)).not.toContain(TOKEN);
      expect(judgement.statements[0]?.normalized).not.toContain(TOKEN);
      expect(judgement.parameters).toBe(typeof change.to === 'object' && 'parameter' in change.to ? 1 : 0);
    }
  });

  it('takes each token by itself, whatever was judged before', () => {
    const guard = guardOf(of);
    for (let i = 0; i < 20; i += 1) {
      const one = `${TOKEN}${'x'.repeat(i)}`;
      const judgement = guard.judge(`BEGIN; SET LOCAL rowgate.token = '${one}'; SELECT 'some text'`);
      expect(changes(judgement)).toEqual([undefined, { local: true, to: { value: one } }, undefined]);
      expect(sent(judgement)).toBe("BEGIN; SET LOCAL rowgate.token TO ''; SELECT 'some text'");
      const [begin, set, select] = judgement.statements.map(({ extent }) => extent!);
      const text = `BEGIN; SET LOCAL rowgate.token = '${one}'; SELECT 'some text'`;
      expect(text.slice(begin!.start, begin!.end)).toBe('BEGIN');
      expect(text.slice(set!.start, set!.end)).toBe(`SET LOCAL rowgate.token = '${one}'`);
      expect(text.slice(select!.start, select!.end)).toBe("SELECT 'some text'");
    }
  });

  // Somewhere else than as the value that is set, a token must not be taken out of the text, nor be taken for one.
  it.each([
    `SELECT '${TOKEN}' AS "rowgate.token"`,
    `SELECT 1 -- SET rowgate.token = '${TOKEN}'`,
    `SELECT $$ SET rowgate.token = '${TOKEN}' $$`,
    `/* rowgate.token */ SELECT '${TOKEN}'`,
  ])('nothing is set by: %s', (sql) => {
    const judgement = guardOf(of).judge(sql);
    expect(changes(judgement)).toEqual([undefined]);
    expect(sent(judgement)).toContain(TOKEN);
  });

  // Other ways to set it are refused, so that no token goes to the server.
  it.each([
    `SELECT set_config('rowgate.token', '${TOKEN}', true), 1`,
    `SELECT set_config('rowgate.token', '${TOKEN}', true) FROM (VALUES (1)) AS v`,
    `SELECT set_config('rowgate.token', '${TOKEN}', 1 = 1)`,
    `SELECT length(set_config('rowgate.token', '${TOKEN}', true))`,
    `SELECT set_config('rowgate.token', '${TOKEN}' || 'x', true)`,
    `SELECT set_config('rowgate.token', $2, true)`,
    `SELECT set_config('rowgate.token', '${TOKEN}', true) AS x`,
    `PREPARE p AS SELECT set_config('rowgate.token', '${TOKEN}', true)`,
    `EXPLAIN SELECT set_config('rowgate.token', '${TOKEN}', true)`,
    `WITH t AS (SELECT set_config('rowgate.token', '${TOKEN}', true)) SELECT 1`,
    `SET rowgate.token = 'a', 'b'`,
    'SET rowgate.token FROM CURRENT',
  ])('is refused: %s', (sql) => {
    expect(isParsed(parse(sql))).toBe(true);
    expect(guardOf(of).judge(sql).effect).toBe('refuse');
  });

  it('goes back to where it began with the others', () => {
    expect(changes(guardOf(of).judge('RESET ALL'))).toEqual([{ local: false, to: 'default' }]);
  });

  it('works through a pooler of transactions, which keeps no settings', () => {
    expect(guardOf(of, 'transaction').judge(`SET rowgate.token = '${TOKEN}'`).refusal).toBeUndefined();
  });
});
