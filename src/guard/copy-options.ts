/** The options of COPY: which of them a restricted role may give, and what they say of the form of the data (manual, page COPY). */
import { Buffer } from 'node:buffer';
import { type Refusal, refusal } from '../core/refusal.ts';
import type { Body } from '../sql/parse/tree.ts';
import { as, stringOf } from '../sql/parse/tree.ts';
import type { CopyFormat } from './decision.ts';

type Copy = Body<'CopyStmt'>;

/** They say how values are written, and no more. */
const OF_FORM = ['format', 'delimiter', 'null', 'header', 'quote', 'escape', 'encoding'];

/** An option that is in neither list is refused. So is FREEZE: it shows rows to transactions that should not see them. */
const OUT: ReadonlySet<string> = new Set([...OF_FORM, 'force_quote']);

/** What `on_error` skips, what `header match` compares and what `default` puts in are the client's own data and column names that it was granted. */
const IN: ReadonlySet<string> = new Set([
  ...OF_FORM,
  'default',
  'force_not_null',
  'force_null',
  'on_error',
  'reject_limit',
  'log_verbosity',
]);

const FORMATS: ReadonlySet<string> = new Set(['text', 'csv', 'binary']);

/** Names of the one encoding that clients speak: client_encoding is pinned to it. */
const PINNED_ENCODING: ReadonlySet<string> = new Set(['utf8', 'unicode']);

/** The first option that a restricted role may not give. */
export function optionRefusal(copy: Copy): Refusal | undefined {
  const allowed = copy.is_from ? IN : OUT;
  for (const { name, value } of optionsOf(copy)) {
    if (!allowed.has(name)) {
      return refusal('unsupported', '0A000', `COPY option "${name}" is not supported for restricted roles`, {
        hint: 'Leave it out.',
      });
    }
    // Another form, of a later version or an extension, may be cut into rows in another way.
    if (name === 'format' && !FORMATS.has(value ?? '')) {
      return refusal(
        'unsupported',
        '0A000',
        'COPY option "format" takes text, csv and binary only for restricted roles',
      );
    }
    // As the server reads the name: letters and digits alone, in any case.
    const encoding = name === 'encoding' ? (value ?? '').toLowerCase().replace(/[^a-z0-9]/g, '') : undefined;
    if (encoding !== undefined && !PINNED_ENCODING.has(encoding)) {
      return refusal('unsupported', '0A000', `COPY option "encoding" takes UTF8 only for restricted roles`);
    }
  }
  return undefined;
}

/** The form of the data, as far as it must be known to count rows in it. What the server would not take is read as something or other. */
export function copyFormatOf(copy: Copy): CopyFormat {
  const options = new Map(optionsOf(copy).map(({ name, value }) => [name, value]));
  const header = options.has('header') && isTrue(options.get('header'));
  const [delimiter, none] = [options.get('delimiter'), options.get('null')];
  const columns = {
    ...(delimiter !== undefined && { delimiter: byteOf(delimiter) }),
    ...(none !== undefined && { null: none }),
  };
  switch (options.get('format')) {
    case 'binary':
      return { kind: 'binary' };
    case 'csv': {
      const quote = options.get('quote') ?? '"';
      return { kind: 'csv', header, quote: byteOf(quote), escape: byteOf(options.get('escape') ?? quote), ...columns };
    }
    default:
      return { kind: 'text', header, ...columns };
  }
}

/** Whether rows that cannot be read are left out in silence. */
export function skipsRows(copy: Copy | undefined): boolean {
  return copy !== undefined && optionsOf(copy).some(({ name }) => name === 'on_error');
}

interface Option {
  readonly name: string;
  /** undefined: not given, or a list. */
  readonly value: string | undefined;
}

function optionsOf(copy: Copy): Option[] {
  return (copy.options ?? []).map((node) => {
    const option = as(node, 'DefElem');
    const { arg } = option ?? {};
    const number = as(arg, 'Integer');
    const truth = as(arg, 'Boolean');
    const value = number ? String(number.ival ?? 0) : truth ? String(truth.boolval ?? false) : stringOf(arg);
    return { name: option?.defname ?? '', value };
  });
}

/** HEADER alone is a yes, and so is MATCH. */
function isTrue(value: string | undefined): boolean {
  return value === undefined || ['true', 'on', '1', 'match'].includes(value.toLowerCase());
}

function byteOf(text: string): number {
  return Buffer.from(text)[0] ?? -1;
}
