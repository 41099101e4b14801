/**
 * Which names may be written to a log: those of the database, which contain no one's data. Names that a statement makes up (aliases, cursors,
 * savepoints), or quotes by mistake (`WHERE name = "Dupont"`), may be values, just like literals.
 */
import { LRUCache } from 'lru-cache';
import type { Catalog } from '../catalog/catalog.ts';
import { KEYWORDS } from '../parse/keywords.ts';
import { parserModule } from '../parse/parser-module.ts';
import { plainTokens, type ScannedToken, TOKEN } from '../parse/scanner-tokens.ts';
import { lex } from './lexer.ts';

/** Words that the grammar takes for names, though they are the server's own: options, fields, settings, columns that each table has. */
const WORDS = `ctid xmin xmax cmin cmax tableoid oid excluded old new public pg_catalog pg_temp information_schema
format header delimiter quote escape force_quote force_not_null force_null encoding on_error log_verbosity freeze stdin stdout
buffers costs generic_plan memory serialize settings summary timing wal csv json xml yaml
epoch century decade millennium millisecond milliseconds microsecond microseconds quarter week dow doy isodow isoyear julian timezone timezone_hour timezone_minute
plpgsql sql bernoulli system system_rows serial bigserial smallserial default posix c ucs_basic unicode
rowgate token application_name bytea_output client_encoding client_min_messages datestyle deadlock_timeout
default_transaction_deferrable default_transaction_isolation default_transaction_read_only extra_float_digits
idle_in_transaction_session_timeout idle_session_timeout intervalstyle jit lock_timeout search_path statement_timeout
standard_conforming_strings escape_string_warning backslash_quote row_security transform_null_equals xmloption work_mem
default_table_access_method transaction_isolation transaction_read_only transaction_deferrable server_version
server_version_num server_encoding is_superuser in_hot_standby integer_datetimes max_identifier_length lc_collate lc_ctype
lc_messages lc_monetary lc_numeric lc_time max_index_keys block_size max_connections synchronous_commit`.split(/\s+/);

/** Statements that name what the database is made of. What they make is not known yet. */
const OF_SCHEMA: ReadonlySet<string> = new Set(
  'create alter drop grant revoke comment security reassign reindex refresh import vacuum analyze cluster truncate'.split(
    ' ',
  ),
);
const OF_SESSION: ReadonlySet<string> = new Set(['temp', 'temporary']);

/** So short a name says nothing. */
const SHORT = /^[a-z_][a-z0-9_]{0,2}$/;

const MOST_REMEMBERED = 5_000;
const MOST_CHARACTERS = 4_000_000;

export class KnownNames {
  private readonly names = new Set(WORDS);
  private readonly remembered = new LRUCache<string, string>({
    max: MOST_REMEMBERED,
    maxSize: MOST_CHARACTERS,
    sizeCalculation: (shown, statement) => shown.length + statement.length + 1,
  });

  /** @param others names that a policy has, in addition to those of the catalog. */
  constructor({ data }: Catalog, others: Iterable<string> = []) {
    const { names } = this;
    for (const name of others) names.add(name);
    for (const schema of data.schemas) names.add(schema);
    for (const { name, columns, constraints = [] } of data.relations) {
      names.add(name);
      for (const column of columns) names.add(column.name);
      for (const constraint of constraints) names.add(constraint.name);
    }
    for (const { name } of data.types) names.add(name);
    for (const { name, argNames, outColumns } of data.functions) {
      names.add(name);
      for (const argument of argNames) names.add(argument);
      for (const column of outColumns) names.add(column.name);
    }
  }

  knows(name: string): boolean {
    return this.names.has(name);
  }

  /**
   * A normalized statement with `name1`, `name2`, … instead of unknown names, the same for the same name. The parser must be loaded. Empty if names
   * cannot be told from other words.
   */
  shown(statement: string): string {
    const known = this.remembered.get(statement);
    if (known !== undefined) return known;
    const shown = this.replaced(statement);
    this.remembered.set(statement, shown);
    return shown;
  }

  private replaced(statement: string): string {
    const isCut = statement.endsWith('…');
    const tokens = scanned(isCut ? statement.slice(0, -1) : statement);
    if (!tokens) return '';
    const [first, ...next] = tokens.slice(0, 4).map(({ text }) => text.toLowerCase());
    if (OF_SCHEMA.has(first ?? '') && !next.some((word) => OF_SESSION.has(word))) return statement;
    const made = new Map<string, string>();
    let out = '';
    let end = 0;
    for (const { tokenType, text, start, end: ownEnd } of tokens) {
      const isName = (tokenType === TOKEN.IDENT || tokenType === TOKEN.UIDENT) && !KEYWORDS.has(text.toLowerCase());
      const shown = isName ? this.name(text, made) : text;
      if (start > end || (/[\w"]$/.test(out) && /^[\w"$]/.test(shown))) out += out === '' ? '' : ' ';
      out += shown;
      end = ownEnd;
    }
    return isCut ? `${out}…` : out;
  }

  private name(text: string, made: Map<string, string>): string {
    const isQuoted = text.startsWith('"');
    const name = isQuoted ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase();
    if (this.names.has(name) || (!isQuoted && SHORT.test(name))) return text;
    const label = made.get(name) ?? `name${made.size + 1}`;
    made.set(name, label);
    return label;
  }
}

function scanned(statement: string): readonly Pick<ScannedToken, 'tokenType' | 'text' | 'start' | 'end'>[] | undefined {
  if (statement === '') return [];
  const plain = plainTokens(statement, lex(statement));
  if (plain) return plain;
  try {
    const scan = parserModule.ask((library) => library.scanSync(statement));
    return scan instanceof Error ? undefined : scan.tokens;
  } catch {
    return undefined;
  }
}
