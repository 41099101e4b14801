/** Tests records that were changed in place: `verify` finds each at its place. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOf, refitted, textOf, withLines } from './lines.ts';
import { always, expectFound, SHAPES, Tampered } from './tampered.ts';

/** As what a record shows that cannot be read any more. */
const SHOWN = ['edited', 'removed', 'inserted', 'cut'] as const;

describe.each(SHAPES)('%s', (_name, shape) => {
  let log: Tampered;
  beforeAll(() => {
    log = new Tampered(shape);
  });
  afterAll(() => log.log.remove());

  it('untouched', async () => {
    expect((await log.after(log.whole)).findings).toEqual([]);
  });

  it('a byte of a record', async () => {
    const change = fc.tuple(log.place(), fc.nat(), fc.integer({ min: 1, max: 255 }));
    await always(change, async ([at, offset, by]) => {
      const edited = withLines(log.whole, at.file, (lines) => {
        const line = lines[at.index] ?? '';
        const i = offset % line.length;
        const byte = String.fromCharCode(line.charCodeAt(i) ^ by);
        // The byte may be a line end, its number may be that of another record, and its chain another one: then the file is not of this log.
        lines.splice(at.index, 1, ...`${line.slice(0, i)}${byte}${line.slice(i + 1)}`.split('\n'));
      });
      expectFound(await log.after(edited), log, at, [
        ...SHOWN,
        'duplicated',
        'key-changed',
        'seal-forged',
        'foreign-file',
        'file-missing',
      ]);
    });
  });

  it('a line end', async () => {
    const ends = fc.constantFrom('', ' ', '\r', '\n\n', '\0', '}');
    await always(fc.tuple(log.place(), ends), async ([at, end]) => {
      const lines = log.lines(at.file);
      const isLast = at.index === lines.length - 1;
      const before = textOf(lines.slice(0, at.index + 1)).slice(0, -1);
      const text = `${before}${end}${textOf(lines.slice(at.index + 1))}`;
      const verification = await log.after(new Map([...log.whole, [at.file, text]]));
      // A record that lacks nothing but its line end is one.
      if (end === '' && isLast) expect(verification.findings).toEqual([]);
      else expectFound(verification, log, at, SHOWN);
    });
  });

  it('a record, with a hash that fits before it', async () => {
    await always(log.amid(), async (at) => {
      const edited = withLines(log.whole, at.file, (lines) => {
        const line = (lines[at.index] ?? '').replace('"time":"2026', '"time":"2027');
        lines[at.index] = refitted(line, lines[at.index - 1] ?? '');
      });
      expectFound(await log.after(edited), log, at, ['edited']);
    });
  });

  it('a hash alone', async () => {
    await always(log.amid(), async (at) => {
      const edited = withLines(log.whole, at.file, (lines) => {
        lines[at.index] = (lines[at.index] ?? '').replace(/"hash":"[\w-]{43}"}$/, `"hash":"${'B'.repeat(43)}"}`);
      });
      const { findings } = await log.after(edited);
      // The records after it still fit the original.
      expect(findings).toEqual([expect.objectContaining({ kind: 'edited', file: at.file, line: at.index + 1 })]);
      expect(findings[0]).not.toHaveProperty('until');
    });
  });

  it('several records at once, each is named', async () => {
    await always(
      fc.uniqueArray(log.amid(), { minLength: 2, maxLength: 4, selector: ({ file, index }) => `${file}${index}` }),
      async (places) => {
        let edited = log.whole;
        for (const at of places) {
          edited = withLines(edited, at.file, (lines) => {
            lines[at.index] = (lines[at.index] ?? '').replace('"time":"2026', '"time":"2027');
          });
        }
        const verification = await log.after(edited);
        for (const at of places) expectFound(verification, log, at, ['edited']);
      },
    );
  });

  it('text that is no record, put between', async () => {
    const junk = fc.constantFrom(
      '',
      '{}',
      '{"time":"2026-',
      'x'.repeat(100_000),
      '['.repeat(10_000),
      '\0\0\0',
      '{"a":'.repeat(5_000),
    );
    await always(fc.tuple(log.place(), junk), async ([at, text]) => {
      const edited = withLines(log.whole, at.file, (lines) => lines.splice(at.index, 0, text));
      const { findings } = await log.after(edited);
      expect(findings).toEqual([expect.objectContaining({ kind: 'inserted', file: at.file, line: at.index + 1 })]);
    });
  });

  it('all of a file', async () => {
    for (const file of log.whole.keys()) {
      for (const text of [
        '',
        'no log\n',
        '\0'.repeat(100_000),
        linesOf(log.whole.get(file) ?? '')
          .reverse()
          .join('\n'),
      ]) {
        log.log.write(new Map([...log.whole, [file, text]]));
        const { findings } = await log.log.verifyAnchored();
        expect(findings, `${file}: ${text.slice(0, 10)}`).not.toEqual([]);
      }
    }
  });
});
