/**
 * A statement as it may be kept to be judged again: whole and parseable, without comments, each literal replaced by one of its type. What is kept of literals
 * is listed here, and tells nothing of a person: numbers that are lengths, positions and counts of rows, words of the grammar and of the catalog.
 */

import { plainTokens, TOKEN, type ScannedToken as Token } from '../parse/scanner-tokens.ts';
import type { KnownNames } from './known-names.ts';
import { lex } from './lexer.ts';
import { scanned } from './normalize.ts';
import { numberShape } from './number-shape.ts';

/** Characters and tokens of a text that is kept; a longer one is not: it is taken apart in one piece, 2 µs a token. */
const LONGEST_KEPT = 64_000;
const MOST_TOKENS_KEPT = 5_000;

/**
 * Undefined if it cannot be kept: too long, or it does not scan. The same for all texts that differ only in literals, and in how many a list has. The
 * parser must be loaded.
 */
export function keptText(sql: string, names: Pick<KnownNames, 'knows' | 'shown'>): string | undefined {
  if (sql.length > LONGEST_KEPT) return undefined;
  const lexed = lex(sql, MOST_TOKENS_KEPT);
  if (lexed.count > MOST_TOKENS_KEPT) return undefined;
  const tokens = plainTokens(sql, lexed) ?? scanned(sql);
  if (!tokens || tokens.length === 0) return undefined;
  const text = new KeptText(tokens, names).written();
  // INVARIANT 100: a name that the database does not have may be a value in the wrong quotes.
  const shown = names.shown(text);
  return shown === '' ? undefined : shown;
}

/** After these a whole number is a number of rows. */
const BEFORE_COUNTS = wordsOf('limit offset first next fetch move forward backward absolute relative prior last');
/** Of their arguments a whole number is a length, a place or a number of digits. */
const COUNTING = wordsOf(
  'left right substr substring overlay round trunc lpad rpad repeat split_part ntile lag lead nth_value',
);
const SIZED_TYPES = wordsOf(
  'numeric decimal dec varchar char character varying bpchar bit time timestamp timestamptz interval float',
);
/** The first argument, or the one that is a text, is a unit, a format, a setting, or a name of the catalog. */
const NAMING = wordsOf(
  'date_trunc date_part extract date_bin to_char to_date to_timestamp to_number timezone current_setting set_config nextval currval setval lastval encode decode',
);
const REGISTERED =
  /^(?:to_reg|pg_get_|has_|col_description$|obj_description$|pg_(?:total_)?relation_size$|pg_table_size$)/;
/** Types whose literals are names, or lengths of time. */
const NAME_TYPES = /^reg(?:class|type|proc|procedure|oper|operator|namespace|role|config|dictionary)$/;

/** Words of literals that are the grammar's, a type's or a setting's own. */
const WORDS = wordsOf(
  `true false yes no on off t f y n null infinity now today tomorrow yesterday epoch utc etc gmt iso mdy dmy ymd sql postgres german
microsecond microseconds millisecond milliseconds second seconds sec secs minute minutes min mins hour hours day days week weeks month months mon mons quarter
quarters year years decade century millennium dow doy isodow isoyear julian timezone timezone_hour timezone_minute
hex escape base64 utf8 unicode safe_encoding content heap notice warning error read committed repeatable serializable uncommitted
yyyy yy dd mm hh hh24 hh12 mi ss ms us tz dy fm am pm ww iw iyyy d q`,
);

/** Words that are not names wherever they occur: values of a boolean or a time that identify no one. */
const EVERYWHERE = wordsOf('true false now today tomorrow yesterday epoch infinity');

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

/** Whether whole numbers in the brackets are counts, or texts are names. */
type Bracket = 'counting' | 'naming' | 'sized' | 'plain';

class KeptText {
  private out = '';
  private readonly brackets: Bracket[] = [];
  /** Depth of an ORDER BY or GROUP BY whose list goes on; -1 outside. */
  private byDepth = -1;
  /** It is a SET. */
  private readonly setting: boolean;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly names: Pick<KnownNames, 'knows'>,
  ) {
    this.setting = ['set', 'reset'].includes(this.word(0));
  }

  written(): string {
    const { tokens } = this;
    let previous: Token | undefined;
    let last = '';
    let afterString = false;
    for (let i = 0; i < tokens.length; i += 1) {
      const token = tokens[i]!;
      const { tokenType } = token;
      const isString = tokenType === TOKEN.SCONST || tokenType === TOKEN.USCONST;
      // A string that continues in the next line, or is followed by UESCAPE, is one literal.
      if (afterString && (isString || this.isEscapeClause(i))) {
        if (!isString) i += 1;
        previous = tokens[i];
        continue;
      }
      this.follow(i);
      const text = isShape(token) ? token.text : this.literal(i);
      if (previous && (previous.end < token.start || wouldJoin(last, text))) this.out += ' ';
      this.out += text;
      last = text;
      afterString = isString;
      previous = token;
    }
    return this.shortened(this.out);
  }

  private word(i: number): string {
    const token = this.tokens[i];
    return token && token.tokenType !== TOKEN.SCONST ? token.text.toLowerCase() : '';
  }

  private isEscapeClause(i: number): boolean {
    return this.word(i) === 'uescape' && this.tokens[i + 1]?.tokenType === TOKEN.SCONST;
  }

  /** Keeps track of the list that contains the token. */
  private follow(i: number): void {
    const { brackets } = this;
    const word = this.word(i);
    if (word === '(' || word === '[') brackets.push(this.bracketAt(i));
    else if (word === ')' || word === ']') {
      brackets.pop();
      if (brackets.length < this.byDepth) this.byDepth = -1;
    } else if (word === 'by' && ['order', 'group'].includes(this.word(i - 1))) this.byDepth = brackets.length;
    else if (ENDS_BY.has(word) && brackets.length === this.byDepth) this.byDepth = -1;
  }

  private bracketAt(i: number): Bracket {
    const before = this.word(i - 1);
    if (COUNTING.has(before)) return 'counting';
    if (NAMING.has(before) || REGISTERED.test(before)) return 'naming';
    if (SIZED_TYPES.has(before)) return 'sized';
    return 'plain';
  }

  private literal(i: number): string {
    const { text, tokenType } = this.tokens[i]!;
    if (/^[0-9.]/.test(text)) return this.isCount(i) ? text : numberLike(text);
    if (/^[bB]'/.test(text)) return "B'1'";
    if (/^[xX]'/.test(text)) return "X'1'";
    if (tokenType !== TOKEN.SCONST && tokenType !== TOKEN.USCONST) return "'a'";
    const value = plainValue(text);
    if (value === undefined) return "'a'";
    const kept = this.isName(i, value) ? value : textLike(value);
    return `'${kept.replaceAll("'", "''")}'`;
  }

  private isCount(i: number): boolean {
    const { text } = this.tokens[i]!;
    if (!/^[0-9]{1,9}$/.test(text)) return false;
    if (this.setting) return text === '0';
    const [before, after] = [this.word(i - 1), this.word(i + 1)];
    if (BEFORE_COUNTS.has(before)) return true;
    const bracket = this.brackets.at(-1);
    const isWhole = ['(', ',', 'from', 'for'].includes(before) && [')', ',', 'for'].includes(after);
    if (isWhole && (bracket === 'counting' || bracket === 'sized')) return true;
    if (this.byDepth !== this.brackets.length) return false;
    return ['by', ','].includes(before) && (after === '' || AFTER_POSITION.has(after));
  }

  /** A name of the catalog, a unit, a format or a setting's value, where the text is taken for one. */
  private isName(i: number, value: string): boolean {
    const isNamed =
      this.setting ||
      this.brackets.at(-1) === 'naming' ||
      this.word(i - 1) === 'zone' ||
      NAME_TYPES.test(this.word(i + 1) === '::' ? this.word(i + 2) : this.word(i - 1));
    const words = value.toLowerCase().match(/[a-z0-9_]+/g) ?? [];
    return isNamed
      ? words.every((word) => WORDS.has(word) || this.names.knows(word))
      : EVERYWHERE.has(value.toLowerCase());
  }

  /** Lists of literals that are alike, and rows of them: two of each say all. */
  private shortened(text: string): string {
    return text
      .replace(
        /\b(IN \(|ARRAY ?\[)((?:'a'|1|1\.5|'1')(?:, ?(?:'a'|1|1\.5|'1'))*)([)\]])/gi,
        (all, open, list, close) => {
          const items = (list as string).split(/, ?/);
          const distinct = items.filter((item, at) => items.indexOf(item) === at);
          return items.length < 3 ? all : `${open}${distinct.flatMap((item) => [item, item]).join(', ')}${close}`;
        },
      )
      .replace(/(\([^()]*\))(?:, ?\1)+/g, '$1, $1');
  }
}

const ENDS_BY = wordsOf(
  'limit offset fetch for having window union intersect except returning rows range groups where ;',
);
const AFTER_POSITION = new Set([...wordsOf(', ) asc desc nulls ;'), ...ENDS_BY, 'order']);

/** An allow-list: a token of a kind that is unknown here is taken for a literal. */
function isShape({ tokenType, keywordKind }: Token): boolean {
  if (keywordKind !== 0 || tokenType < 256) return true;
  if ([TOKEN.IDENT, TOKEN.UIDENT, TOKEN.PARAM, TOKEN.OP].some((type) => type === tokenType)) return true;
  return tokenType >= TOKEN.TYPECAST && tokenType <= TOKEN.NOT_EQUALS;
}

function numberLike(source: string): string {
  switch (numberShape(source)) {
    case 'i':
      return '1';
    case 'l':
      return '3000000000';
    case 'unlike':
      return source;
    case 'n':
      return '1.5';
    case undefined:
      // Hexadecimal, octal, binary, or with underscores.
      return '1';
  }
}

/** The value of a plain string, or of an escape string without escapes. */
function plainValue(source: string): string | undefined {
  const inner = /^[eEnN]?'((?:[^'\\]|'')*)'$/.exec(source)?.[1] ?? /^'((?:[^']|'')*)'$/.exec(source)?.[1];
  return inner?.replaceAll("''", "'");
}

/** A text of the kind: what could be read as a date is a date, what searches is a search. */
function textLike(value: string): string {
  if (value === '') return '';
  if (/^[0-9]+$/.test(value)) return '1';
  if (/^-?(?:[0-9]*\.)?[0-9]+$/.test(value)) return '1.5';
  if (/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(value)) return '2000-01-01';
  if (/^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+(?:Z|[+-][0-9:]+)?$/.test(value)) return '2000-01-01 00:00:00+00';
  if (/^[0-9]{1,2}:[0-9]{2}(?::[0-9.]+)?$/.test(value)) return '00:00:00';
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(value))
    return '00000000-0000-0000-0000-000000000000';
  const step = /^-?[0-9]{1,3} ?((?:second|minute|hour|day|week|month|mon|year)s?)$/i.exec(value)?.[1];
  if (step !== undefined) return `1 ${step.toLowerCase()}`;
  if (/^\{.*\}$/s.test(value)) return '{}';
  if (/^\[.*\]$/s.test(value)) return '[]';
  // Of a pattern: where it is open. One that ends in its escape stays leaky. (An expression for its end would be tried at each backslash before.)
  let end = value.length;
  while (value[end - 1] === '\\') end -= 1;
  const isUnsound = (value.length - end) % 2 === 1;
  return `${value.replace(/[^%]+/g, 'a').slice(0, 200)}${isUnsound ? '\\' : ''}`;
}

/** `select'x'as` has no gaps, but `select$1as` would be one word. */
function wouldJoin(before: string, text: string): boolean {
  return /[\w$\u0080-\uffff]$/.test(before) && /^[\w$"\u0080-\uffff]/.test(text);
}
