/**
 * Names of certificate subjects: read from the text of RFC 4514 and from DER, and written in one canonical form, so that equal names give equal
 * texts.
 */
import { Buffer } from 'node:buffer';
import { Der, type DerElement, readElement, readElements, readOid } from './der.ts';

/** One `type=value`: the type as object identifier, the value decoded. */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

/** Relative names, most specific first, as RFC 4514 writes them. Each is a set of attributes, mostly of one. */
export type DistinguishedName = readonly (readonly NameAttribute[])[];

/** By short name: RFC 4514, section 3, and what OpenSSL writes. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['CN', '2.5.4.3'],
  ['SN', '2.5.4.4'],
  ['serialNumber', '2.5.4.5'],
  ['C', '2.5.4.6'],
  ['L', '2.5.4.7'],
  ['ST', '2.5.4.8'],
  ['STREET', '2.5.4.9'],
  ['O', '2.5.4.10'],
  ['OU', '2.5.4.11'],
  ['title', '2.5.4.12'],
  ['GN', '2.5.4.42'],
  ['dnQualifier', '2.5.4.46'],
  ['UID', '0.9.2342.19200300.100.1.1'],
  ['DC', '0.9.2342.19200300.100.1.25'],
  ['emailAddress', '1.2.840.113549.1.9.1'],
]);
const OIDS: ReadonlyMap<string, string> = new Map([...TYPES].map(([word, oid]) => [word.toUpperCase(), oid]));
const WORDS: ReadonlyMap<string, string> = new Map([...TYPES].map(([word, oid]) => [oid, word]));

/** A plain character, a backslash with a special character, or two hex digits of UTF-8. */
const VALUE_PART = /\\([ "#+,;<=>\\])|((?:\\[0-9a-fA-F]{2})+)|([^"+,;<>\\])/suy;

/** Reads `CN=app,O=School`; spaces around `,`, `+` and `=` are ignored. Undefined if the text is not a distinguished name. */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const names: NameAttribute[][] = [[]];
  let at = 0;
  for (;;) {
    const type = /\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)\s*=[ ]*/uy;
    type.lastIndex = at;
    const word = type.exec(text)?.[1];
    const oid = word === undefined ? undefined : /^[0-9]/.test(word) ? word : OIDS.get(word.toUpperCase());
    if (oid === undefined) return undefined;
    const read = readValue(text, type.lastIndex);
    if (!read || !isValue(read.value)) return undefined;
    names.at(-1)?.push({ type: oid, value: read.value });
    if (read.end === text.length) return names;
    if (text[read.end] === ',') names.push([]);
    at = read.end + 1;
  }
}

/** Reads up to an unescaped `,` or `+`, or the end. Unescaped spaces at the end are cut. */
function readValue(text: string, start: number): { value: string; end: number } | undefined {
  // A leading `#` would announce DER in hex digits, which is not supported.
  if (text[start] === '#') return undefined;
  let value = '';
  let kept = 0;
  let end = start;
  while (end < text.length && text[end] !== ',' && text[end] !== '+') {
    VALUE_PART.lastIndex = end;
    const [whole, escaped, hex, plain] = VALUE_PART.exec(text) ?? [];
    if (whole === undefined) return undefined;
    const part = hex === undefined ? (escaped ?? plain ?? '') : decodeHex(hex);
    if (part === undefined) return undefined;
    value += part;
    if (plain !== ' ') kept = value.length;
    end += whole.length;
  }
  return { value: value.slice(0, kept), end };
}

function decodeHex(hex: string): string | undefined {
  return decodeUtf8(Buffer.from(hex.replaceAll('\\', ''), 'hex'));
}

/**
 * The subject of a certificate (RFC 5280, section 4.1). Undefined if it is empty, or if a policy could not write it: it holds a NUL or another
 * control character, a string type with more than one meaning, or bytes that do not fit their type.
 */
export function subjectOf(certificate: Uint8Array): DistinguishedName | undefined {
  const whole = readElement(certificate);
  const signed = whole && readElement(whole.content);
  const fields = signed && readElements(signed.content);
  if (!fields) return undefined;
  // [0] version, serialNumber, signature, issuer, validity, subject; the version is absent if it is 1.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  return subject && readName(subject);
}

/** A Name from a certificate or a revocation list; undefined as for `subjectOf`. */
export function readName(element: DerElement): DistinguishedName | undefined {
  const relative = element.tag === Der.Sequence ? readElements(element.content) : undefined;
  if (!relative || relative.length === 0) return undefined;
  const names: NameAttribute[][] = [];
  for (const { tag, content } of relative) {
    const attributes =
      tag === Der.Set ? readElements(content)?.map(({ content: pair }) => attributeOf(pair)) : undefined;
    if (!attributes || attributes.length === 0) return undefined;
    const known = attributes.filter((attribute) => attribute !== undefined);
    // A name with an attribute that cannot be read equals no other name.
    if (known.length < attributes.length) return undefined;
    names.unshift(known);
  }
  return names;
}

function attributeOf(pair: Uint8Array): NameAttribute | undefined {
  const [type, value, more] = readElements(pair) ?? [];
  const text = value && decodeString(value.tag, value.content);
  if (type?.tag !== Der.Oid || text === undefined || more || !isValue(text)) return undefined;
  return { type: readOid(type.content), value: text };
}

/** Control characters, above all NUL, can make one name look like another. */
function isValue(text: string): boolean {
  return text !== '' && !/[\p{Cc}\p{Surrogate}]/u.test(text);
}

/** UTF8String, PrintableString, IA5String and BMPString. TeletexString is refused: programs decode it differently. */
function decodeString(tag: number, bytes: Uint8Array): string | undefined {
  const ascii = Buffer.from(bytes).toString('latin1');
  switch (tag) {
    case 0x0c:
      return decodeUtf8(bytes);
    case 0x13:
      return /^[A-Za-z0-9 '()+,./:=?-]*$/.test(ascii) ? ascii : undefined;
    case 0x16:
      return bytes.every((byte) => byte < 0x80) ? ascii : undefined;
    case 0x1e:
      return bytes.length % 2 === 0 ? Buffer.from(bytes).swap16().toString('utf16le') : undefined;
    default:
      return undefined;
  }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** `CN=app,O=School` (RFC 4514), with the attributes of each set sorted. Two names are equal if their texts are. */
export function formatDistinguishedName(name: DistinguishedName): string {
  return name.map((set) => set.map(formatAttribute).sort(byCodeUnit).join('+')).join(',');
}

function formatAttribute({ type, value }: NameAttribute): string {
  const escaped = value.replace(/["+,;<>\\]/g, '\\$&').replace(/^[ #]| $/g, '\\$&');
  return `${WORDS.get(type) ?? type}=${escaped}`;
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
