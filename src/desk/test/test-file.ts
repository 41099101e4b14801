/** Reads `*.test.yaml`: each test with its place, or what is wrong with it. Whether its names exist is checked against the policy later. */
import { readTime } from '../../decision-log/read/times.ts';
import { validate } from '../../policy/schema/validate.ts';
import { type Diagnostic, DiagnosticReport, type SourcePlace } from '../../policy/source/diagnostic.ts';
import { type Path, PolicyDocument, type PolicyFile } from '../../policy/source/document.ts';
import {
  type ExpectedReason,
  type Sight,
  testFileSchema,
  type WrittenTest,
  type WrittenTestFile,
} from './test-schema.ts';

/** The principal or role for which a test is judged; the document has the values of `attributes`. */
export type TestIdentity =
  | { readonly principal: string; readonly place: SourcePlace }
  | { readonly role: string; readonly place: SourcePlace; readonly attributes: Path | undefined };

/** What a test asks for. */
export type Asks =
  | {
      readonly kind: 'sql';
      readonly sql: string;
      /** As text; null is NULL. */
      readonly parameters: readonly (string | null)[];
      readonly rows: readonly (readonly (string | null)[])[] | undefined;
    }
  | { readonly kind: 'take'; readonly amounts: ReadonlyMap<string, string>; readonly within: Within | undefined }
  | { readonly kind: 'sees'; readonly columns: ReadonlyMap<string, Sight> };

interface Within {
  readonly ms: number;
  /** As it is written. */
  readonly text: string;
}

export interface PolicyTest {
  readonly name: string;
  readonly place: SourcePlace;
  readonly as: TestIdentity;
  /** Claims of the end user's token. */
  readonly user: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds since the epoch; absent: now. */
  readonly now: number | undefined;
  readonly asks: Asks;
  /** `pass`: allow or rewrite. Of `sees` nothing. */
  readonly effect: 'pass' | 'allow' | 'rewrite' | 'refuse' | undefined;
  readonly reason: ExpectedReason | undefined;
  /** The places of its parts, for errors that are found later. */
  readonly document: PolicyDocument;
  readonly path: Path;
}

export interface TestFile {
  readonly path: string;
  /** SQL that makes the rows, as the file names it. */
  readonly data: string | undefined;
  readonly tests: readonly PolicyTest[];
}

export interface ReadTestFile {
  readonly file: TestFile;
  readonly diagnostics: readonly Diagnostic[];
}

interface When {
  readonly now: number;
  readonly timeZone: string;
}

/** A file with an error has no tests: what would be left of it might say less than was meant. */
export function readTestFile(source: PolicyFile, when: When): ReadTestFile {
  const document = new PolicyDocument(source);
  const report = new DiagnosticReport();
  for (const { place, message } of document.flaws) report.error(place, message);
  const none: TestFile = { path: source.path, data: undefined, tests: [] };
  if (document.malformed) return { file: none, diagnostics: report.diagnostics };
  const read = validate(document, testFileSchema, document.value);
  if (!read.ok) {
    for (const { place, message } of read.flaws) report.error(place, message);
    return { file: none, diagnostics: report.diagnostics };
  }
  const reader = new FileReader(document, read.value, when, report);
  const tests = read.value.tests.map((test, index) => reader.test(test, ['tests', index]));
  const whole = report.failure === undefined;
  return {
    file: { path: source.path, data: read.value.data, tests: whole ? tests.flatMap((test) => test ?? []) : [] },
    diagnostics: report.diagnostics,
  };
}

class FileReader {
  constructor(
    private readonly document: PolicyDocument,
    private readonly file: WrittenTestFile,
    private readonly when: When,
    private readonly report: DiagnosticReport,
  ) {}

  test(test: WrittenTest, path: Path): PolicyTest | undefined {
    const place = this.document.place(path);
    const as = this.as(test, path);
    const asks = this.asks(test, path);
    if (!as || !asks) return undefined;
    const { effect, reason } = test;
    if (asks.kind === 'sees' && (effect ?? reason) !== undefined)
      this.report.error(place, '"effect" and "reason" do not go with "sees"');
    if (asks.kind === 'take' && (effect === 'allow' || effect === 'rewrite'))
      this.report.error(place, 'of "take" the effect is "pass" or "refuse"');
    if (reason !== undefined && effect !== 'refuse') this.report.error(place, '"reason" goes with "effect: refuse"');
    const hasRows = asks.kind === 'sql' && asks.rows !== undefined;
    if (hasRows && effect === 'refuse') this.report.error(place, 'what is refused has no "rows"');
    if (asks.kind !== 'sees' && effect === undefined && !hasRows)
      this.report.error(place, '"effect" is missing: pass, allow, rewrite or refuse');
    return {
      name: test.name ?? nameOf(asks),
      place,
      as,
      user: test.user ?? this.file.user,
      now: this.now(test, path),
      asks,
      effect: asks.kind === 'sees' ? undefined : (effect ?? 'pass'),
      reason,
      document: this.document,
      path,
    };
  }

  private as(test: WrittenTest, path: Path): TestIdentity | undefined {
    const own = test.as !== undefined || test.role !== undefined;
    const [at, { as, role }] = own ? [path, test] : [[], this.file];
    const attributes = test.attributes ? [...path, 'attributes'] : this.file.attributes ? ['attributes'] : undefined;
    if (as !== undefined && role !== undefined) {
      this.report.error(this.document.place([...at, 'role']), '"as" and "role" do not go together');
      return undefined;
    }
    if (as !== undefined) {
      if (attributes)
        this.report.error(this.document.place(attributes), '"attributes" go with "role": a principal has its own');
      return { principal: as, place: this.document.placeOfValue([...at, 'as']) };
    }
    if (role !== undefined) return { role, attributes, place: this.document.placeOfValue([...at, 'role']) };
    this.report.error(this.document.place(path), 'as whom? "as" names a principal, "role" a role');
    return undefined;
  }

  private asks(test: WrittenTest, path: Path): Asks | undefined {
    const kinds = (['sql', 'take', 'sees'] as const).filter((kind) => test[kind] !== undefined);
    if (kinds.length !== 1) {
      this.report.error(this.document.place(path), 'expected one of "sql", "take" and "sees"');
      return undefined;
    }
    if (test.sql === undefined && (test.parameters ?? test.rows) !== undefined)
      this.report.error(this.document.place(path), '"parameters" and "rows" go with "sql"');
    if (test.sees) return { kind: 'sees', columns: new Map(Object.entries(test.sees)) };
    if (test.take) {
      const { within, ...amounts } = test.take;
      const texts = Object.keys(amounts).map((key): [string, string] => [
        key,
        this.document.written([...path, 'take', key]) ?? '',
      ]);
      if (texts.length === 0) this.report.error(this.document.place([...path, 'take']), 'expected what is taken');
      const text = this.document.written([...path, 'take', 'within']) ?? '';
      return { kind: 'take', amounts: new Map(texts), within: within === undefined ? undefined : { ms: within, text } };
    }
    const text = (at: Path): string | null => this.document.written(at) ?? null;
    const texts = (values: readonly unknown[], at: Path): (string | null)[] =>
      values.map((value, index) => (value === null ? null : text([...at, index])));
    return {
      kind: 'sql',
      sql: test.sql ?? '',
      parameters: texts(test.parameters ?? [], [...path, 'parameters']),
      rows: test.rows?.map((row, index) => texts(row, [...path, 'rows', index])),
    };
  }

  private now(test: WrittenTest, path: Path): number | undefined {
    const [at, text] = test.now === undefined ? [['now'], this.file.now] : [[...path, 'now'], test.now];
    if (text === undefined) return undefined;
    const reading = readTime(text, this.when);
    if ('value' in reading) return reading.value;
    this.report.error(this.document.placeOfValue(at), `expected ${reading.expected}, found "${text}"`);
    return undefined;
  }
}

function nameOf(asks: Asks): string {
  switch (asks.kind) {
    case 'sql':
      return asks.sql.replace(/\s+/g, ' ').trim();
    case 'sees':
      return [...asks.columns].map(([column, sight]) => `${column} ${sight}`).join(', ');
    case 'take':
      return `takes ${[...asks.amounts].map(([what, amount]) => `${what}: ${amount}`).join(', ')}${asks.within ? ` within ${asks.within.text}` : ''}`;
  }
}
