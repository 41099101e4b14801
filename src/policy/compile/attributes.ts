/**
 * Attributes: their declarations in a role (`school_id: integer`), and the values that a principal or a token brings, in the form that PostgreSQL
 * reads.
 */

import type { AttributeType } from '../model/policy.ts';
import { found } from '../schema/schema-values.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';
import { readDate } from '../source/quantity.ts';
import { suggestion } from '../source/suggestion.ts';

interface Scalar {
  /** The JSON types in which a token may bring it. */
  readonly json: readonly ('string' | 'number' | 'boolean')[];
  /** The type's name in SQL. `text`, `uuid` and `date` are not keywords of the grammar: without the schema they could resolve to a user's type. */
  readonly type: string;
  readonly oid: number;
  readonly arrayOid: number;
  /** The value in the form that the server's input function reads; undefined if it is not valid. */
  read(text: string): string | undefined;
}

const SCALARS: Readonly<Record<string, Scalar>> = {
  integer: {
    json: ['string', 'number'],
    type: 'integer',
    oid: 23,
    arrayOid: 1007,
    read: (text) => readInteger(text, 31n),
  },
  bigint: {
    json: ['string', 'number'],
    type: 'bigint',
    oid: 20,
    arrayOid: 1016,
    read: (text) => readInteger(text, 63n),
  },
  text: {
    json: ['string'],
    type: 'pg_catalog.text',
    oid: 25,
    arrayOid: 1009,
    read: (text) => (/[\0\p{Surrogate}]/u.test(text) ? undefined : text),
  },
  uuid: { json: ['string'], type: 'pg_catalog.uuid', oid: 2950, arrayOid: 2951, read: readUuid },
  date: { json: ['string'], type: 'pg_catalog.date', oid: 1082, arrayOid: 1182, read: readDay },
  boolean: { json: ['boolean'], type: 'boolean', oid: 16, arrayOid: 1000, read: readBoolean },
};

/** Reads the `attributes` of a role. */
export function compileAttributes(
  declared: Readonly<Record<string, string>>,
  document: PolicyDocument,
  report: DiagnosticReport,
): Map<string, AttributeType> {
  const attributes = new Map<string, AttributeType>();
  for (const [name, text] of Object.entries(declared)) {
    const path = ['attributes', name];
    const match = /^([a-z]+)(\[\])?( from token)?$/.exec(text);
    const scalar = scalarOf(match?.[1] ?? '');
    if (!match || !scalar) {
      const near = suggestion(match?.[1] ?? text, Object.keys(SCALARS));
      const known = `${Object.keys(SCALARS).join(', ')}, [] for a list of them, "from token" behind it`;
      report.error(document.placeOfValue(path), `expected a type (${known}), found "${text}"${near}`);
      continue;
    }
    const array = match[2] !== undefined;
    attributes.set(name, {
      name,
      type: array ? `${scalar.type}[]` : scalar.type,
      typeOid: array ? scalar.arrayOid : scalar.oid,
      fromToken: match[3] !== undefined,
    });
  }
  return attributes;
}

/** Checks the value at `path` of a principal against its type, as it is written there. Undefined, and reported, if it does not fit. */
export function compileAttributeValue(
  attribute: AttributeType,
  document: PolicyDocument,
  path: Path,
  value: unknown,
  report: DiagnosticReport,
): string | undefined {
  const scalar = scalarWithin(attribute);
  if (!scalar) return undefined;
  if (scalar.oid === attribute.typeOid) return readOne(scalar, document, path, value, report);
  if (!Array.isArray(value)) {
    report.error(document.placeOfValue(path), `expected a list of ${typeWord(scalar)}${found(value)}`);
    return undefined;
  }
  const elements = value.map((item, index) => readOne(scalar, document, [...path, index], item, report));
  return arrayLiteral(elements);
}

/**
 * The value of a claim. A JSON number is accepted for integers only (and only if JSON readers do not round it), a string for all types but boolean, a
 * list for a list. Undefined if it does not fit the attribute's type.
 */
export function claimValue(attribute: AttributeType, value: unknown): string | undefined {
  const scalar = scalarWithin(attribute);
  if (!scalar) return undefined;
  const read = (item: unknown): string | undefined => {
    if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'boolean') return undefined;
    if (!scalar.json.some((kind) => kind === typeof item)) return undefined;
    return typeof item === 'number' && !Number.isSafeInteger(item) ? undefined : scalar.read(String(item));
  };
  if (scalar.oid === attribute.typeOid) return read(value);
  return Array.isArray(value) ? arrayLiteral(value.map(read)) : undefined;
}

function scalarWithin({ typeOid }: AttributeType): Scalar | undefined {
  return Object.values(SCALARS).find(({ oid, arrayOid }) => oid === typeOid || arrayOid === typeOid);
}

function arrayLiteral(elements: readonly (string | undefined)[]): string | undefined {
  if (elements.includes(undefined)) return undefined;
  return `{${elements.map((element) => `"${(element ?? '').replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

function readOne(
  scalar: Scalar,
  document: PolicyDocument,
  path: Path,
  value: unknown,
  report: DiagnosticReport,
): string | undefined {
  const text = document.written(path);
  const comment = scalar.oid === 25 ? document.commentBehind(path) : undefined;
  if (comment) report.error(comment, 'YAML reads this as a comment, not as part of the text; write the text in quotes');
  const typed = text === undefined ? undefined : scalar.read(text);
  if (typed === undefined) {
    report.error(document.placeOfValue(path), `expected ${typeWord(scalar)}${found(text ?? value)}`);
  }
  return comment ? undefined : typed;
}

function typeWord(scalar: Scalar): string {
  return Object.keys(SCALARS).find((word) => SCALARS[word] === scalar) ?? scalar.type;
}

function scalarOf(word: string): Scalar | undefined {
  return Object.hasOwn(SCALARS, word) ? SCALARS[word] : undefined;
}

function readInteger(text: string, bits: bigint): string | undefined {
  if (!/^[+-]?[0-9]{1,30}$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return value >= -(1n << bits) && value < 1n << bits ? value.toString() : undefined;
}

function readUuid(text: string): string | undefined {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text.toLowerCase() : undefined;
}

function readDay(text: string): string | undefined {
  return 'value' in readDate(text) ? text : undefined;
}

/** PostgreSQL's words for booleans (manual, section 8.6), unabbreviated. */
function readBoolean(text: string): string | undefined {
  if (/^(true|yes|on|1)$/i.test(text)) return 'true';
  return /^(false|no|off|0)$/i.test(text) ? 'false' : undefined;
}
