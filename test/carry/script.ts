/** Takes a script for psql apart into its statements, with the little of psql that PostgreSQL's regression scripts need: variables, data behind COPY. */

export interface ScriptStatement {
  readonly text: string;
  /** What stands behind a COPY FROM STDIN, up to `\.`. */
  readonly data?: string;
  /** By the extended protocol: types of parameters, and values, text or binary. */
  readonly bound?: { readonly types: readonly number[]; readonly values: readonly (string | Buffer | null)[] };
  /** The SQLSTATE that it had where it was recorded, '' without an error. */
  readonly code?: string;
  /** And its command tag. */
  readonly tag?: string;
}

/** Between two statements psql has a command that begins another session. */
export const RECONNECT = 'reconnect';

export type ScriptStep = ScriptStatement | typeof RECONNECT;

/** The statements in their order. One that needs more of psql (`\gset`, `\;`) is left out. `environment`: for `\getenv`. */
export function statementsOf(script: string, environment: Readonly<Record<string, string>> = {}): ScriptStep[] {
  return new ScriptReader(script, environment).read();
}

/** Blanks, comments, strings, names, a variable, a command of psql up to the end of its line, or one character. */
const PIECE =
  /\s+|--[^\n]*|\/\*[\s\S]*?\*\/|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|::|:=|:'\w+'|:"\w+"|:[A-Za-z_]\w*|\\;|\\[^\n]*|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\1|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[\s\S]/y;
const VARIABLE = /^:(['"]?)(\w+)\1$/;
const COPY_IN = /^\s*copy\b[\s\S]*\bfrom\s+stdin\b/i;
const ATOMIC = /\bcreate\b[\s\S]*\bbegin\s+atomic$/i;
/** These run what was written so far, and do more with it. */
const RUNS: ReadonlySet<string> = new Set([
  '\\gset',
  '\\gexec',
  '\\gdesc',
  '\\gx',
  '\\crosstabview',
  '\\bind',
  '\\parse',
]);

class ScriptReader {
  private readonly steps: ScriptStep[] = [];
  private readonly variables = new Map<string, string>();
  private at = 0;
  private text = '';
  /** Parentheses, and bodies of functions in SQL, in which a semicolon ends nothing. */
  private depth = 0;
  private usable = true;

  constructor(
    private readonly script: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  read(): ScriptStep[] {
    while (this.at < this.script.length) {
      PIECE.lastIndex = this.at;
      const [piece] = PIECE.exec(this.script)!;
      this.at += piece.length;
      if (piece === '\\;') this.usable = false;
      else if (piece.startsWith('\\')) this.command(piece.trim());
      else if (piece === ';' && this.depth === 0) this.end(true);
      else this.add(piece);
    }
    return this.steps;
  }

  private add(piece: string): void {
    const variable = VARIABLE.exec(piece);
    const value = variable && this.variables.get(variable[2]!);
    if (value !== null && value !== undefined) {
      const quote = variable![1]!;
      this.text += quote + value.replaceAll(quote || '\u0000', quote + quote) + quote;
      return;
    }
    this.text += piece.startsWith('--') ? '\n' : piece;
    if (piece === '(' || (/^atomic$/i.test(piece) && ATOMIC.test(this.text))) this.depth += 1;
    // CASE … END inside of such a body is none of the scripts'.
    if (piece === ')' || (/^end$/i.test(piece) && /\bbegin\s+atomic\b/i.test(this.text))) this.depth -= 1;
  }

  /** The statement so far. */
  private end(runs: boolean): void {
    const text = this.text;
    const data = runs && COPY_IN.test(text) ? this.dataBehind() : undefined;
    if (runs && this.usable && text.trim() !== '') this.steps.push(data === undefined ? { text } : { text, data });
    this.text = '';
    this.depth = 0;
    this.usable = true;
  }

  private dataBehind(): string | undefined {
    const begin = this.script.indexOf('\n', this.at) + 1;
    const end = /^\\\.[^\n]*$/m.exec(this.script.slice(begin));
    if (begin === 0 || !end) return undefined;
    this.at = begin + end.index + end[0].length;
    return this.script.slice(begin, begin + end.index);
  }

  private command(line: string): void {
    const [command = '', ...words] = line.split(/\s+/);
    if (command === '\\set') this.variables.set(words[0] ?? '', this.valueOf(line));
    else if (command === '\\getenv') this.variables.set(words[0] ?? '', this.environment[words[1] ?? ''] ?? '');
    else if (command === '\\c' || command === '\\connect') this.steps.push(RECONNECT);
    else if (command === '\\g') this.end(true);
    else if (RUNS.has(command) || command === '\\r') this.end(false);
    else if (command === '\\q') this.at = this.script.length;
  }

  /** `\set filename :abs_srcdir '/data/onek.data'` */
  private valueOf(line: string): string {
    const [, , ...parts] = line.match(/'[^']*'|:\w+|[^\s':]+/g) ?? [];
    return parts
      .map((part) => (part.startsWith(':') ? this.variables.get(part.slice(1)) : part.replace(/'/g, '')))
      .join('');
  }
}
