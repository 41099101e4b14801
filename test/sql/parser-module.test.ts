/** Tests a parser that has failed: it is loaded again, and nothing is read until then. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import { isParsed, loadParser, parse } from '../../src/sql/parse/parse.ts';
import {
  fingerprintModule,
  type Library,
  ParserFault,
  ParserModule,
  parserModule,
} from '../../src/sql/parse/parser-module.ts';
import { fingerprint } from '../../src/sql/text/normalize.ts';

beforeAll(() => loadParser());

/** Deeper than the stack; `parse` would not let it through. */
const TOO_DEEP = `SELECT a${'::b'.repeat(30_000)}`;
const ask = (module: ParserModule, sql: string): number =>
  module.use((library) => library.parseSync(sql).stmts?.length ?? 0);
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function renewed(module: ParserModule): Promise<Library> {
  for (let round = 0; round < 400; round += 1) {
    try {
      return module.use((library) => library);
    } catch (error) {
      if (!(error instanceof ParserFault)) throw error;
      await soon();
    }
  }
  throw new Error('there is no new parser');
}

describe('the parser of this process', () => {
  test('reads on where a fingerprint is too much for the library', async () => {
    const before = parserModule.use((library) => library);
    expect(() => fingerprintModule.use((library) => library.parseSync(TOO_DEEP))).toThrow(ParserFault);
    expect(fingerprint('SELECT 1')).toBe('');
    expect(parserModule.use((library) => library)).toBe(before);
    expect(isParsed(parse('SELECT 1'))).toBe(true);
    await renewed(fingerprintModule);
    expect(fingerprint('SELECT 1')).toMatch(/^[0-9a-f]{16}$/);
  });

  test('is another one after a fault, and reads as before', async () => {
    const before = parserModule.use((library) => library);
    expect(() => ask(parserModule, TOO_DEEP)).toThrow(ParserFault);
    // Nothing is read by the one that failed.
    expect(() => parse('SELECT 1')).toThrow(ParserFault);
    const after = await renewed(parserModule);
    expect(after).not.toBe(before);
    expect(after.parseSync).not.toBe(before.parseSync);
    const parsed = parse('SELECT a FROM t WHERE b IN (1, 2)');
    expect(isParsed(parsed) && parsed.statements).toHaveLength(1);
    expect(parse('SELECT FROM FROM')).toMatchObject({ kind: 'syntax', position: 13 });
  });

  test('leaves nothing of a failed one in memory', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const failed = new WeakRef(fingerprintModule.use((library) => library));
    expect(() => ask(fingerprintModule, TOO_DEEP)).toThrow(ParserFault);
    await renewed(fingerprintModule);
    for (let round = 0; round < 50 && failed.deref(); round += 1) {
      await soon();
      collect();
    }
    expect(failed.deref()).toBeUndefined();
  });

  test('outlives fault after fault', async () => {
    for (let round = 0; round < 3; round += 1) {
      expect(() => ask(parserModule, TOO_DEEP)).toThrow(ParserFault);
      await renewed(parserModule);
    }
    expect(parse(`SELECT ${'('.repeat(900)}1${')'.repeat(900)}`)).toMatchObject({ statements: [{}] });
  });

  test('is not given up for what it says of a text', () => {
    const before = parserModule.use((library) => library);
    for (const sql of ['SELECT FROM FROM', "SELECT 'a", 'SELECT 1 LIMIT 1 LIMIT 1', "SELECT U&'\\zzzz'", 'SELECT "a']) {
      expect(isParsed(parse(sql)), sql).toBe(false);
      parserModule.ask((library) => library.scanSync(sql));
      parserModule.ask((library) => library.fingerprintSync(sql));
      parserModule.ask((library) => library.parsePlPgSQLSync(sql));
    }
    expect(parserModule.use((library) => library)).toBe(before);
  });
});

describe('what counts as a failure of the parser', () => {
  const failing = (error: unknown): Library =>
    ({
      hasSqlDetails: () => false,
      parseSync: () => {
        throw error;
      },
    }) as unknown as Library;
  const working = { hasSqlDetails: () => false, parseSync: () => ({ stmts: [{}] }) } as unknown as Library;

  test.each([
    ['the end of the stack', new RangeError('Maximum call stack size exceeded')],
    // As WebAssembly's, a class of its own.
    ['a trap', new (class RuntimeError extends Error {})('memory access out of bounds')],
  ])('%s', async (_, error) => {
    const made = [failing(error), working];
    const module = new ParserModule(async () => made.shift()!);
    await module.load();
    expect(() => ask(module, 'SELECT 1')).toThrow(ParserFault);
    await soon();
    expect(ask(module, 'SELECT 1')).toBe(1);
    expect(made).toHaveLength(0);
  });

  test('of what gives texts, too, but not what cannot be read as JSON: so the library tells errors', async () => {
    const module = new ParserModule(async () => failing(new RangeError('Maximum call stack size exceeded')));
    await module.load();
    expect(() => module.ask((library) => library.parseSync('SELECT 1'))).toThrow(ParserFault);
    const other = new ParserModule(async () => failing(new SyntaxError('"unterminat"... is not valid JSON')));
    await other.load();
    expect(other.ask((library) => library.parseSync('SELECT 1'))).toBeInstanceOf(SyntaxError);
    // A malformed tree is another matter.
    expect(() => ask(other, 'SELECT 1')).toThrow(ParserFault);
  });
});
