/** A key as text, the same for the same person in every format. */
import type { Buffer } from 'node:buffer';
import { unpadded } from '../../guard/subjects/key-types.ts';
import { bufferOf } from '../../protocol/text.ts';

/** Types whose binary format is read; the OIDs are PostgreSQL's own. */
const INT2 = 21;
const INT4 = 23;
const INT8 = 20;
const UUID = 2950;
const BPCHAR = 1042;
const NUMERIC = 1700;
/** name, text, varchar: binary is the text. */
const TEXTS: ReadonlySet<number> = new Set([19, 25, 1043]);

const INTEGERS: ReadonlySet<number> = new Set([INT2, INT4, INT8]);

/** Arrays of the types above: a column that holds several keys. */
const ELEMENT_OF: ReadonlyMap<number, number> = new Map([
  [1005, INT2],
  [1007, INT4],
  [1016, INT8],
  [2951, UUID],
  [1014, BPCHAR],
  [1003, 19],
  [1009, 25],
  [1015, 1043],
]);

const SCALARS: ReadonlySet<number> = new Set([INT2, INT4, INT8, UUID, BPCHAR, NUMERIC, ...TEXTS]);
const BRACE = 0x7b;

/** Server's text holds no zero byte, so nothing else begins with one. */
const OWN = '\0';

/**
 * As what the keys of a subject are read where the server does not say the type of each: integers tell themselves by their length, others only
 * where all are of one type. 0: in binary they cannot be read.
 */
export function typeOfCopied(types: readonly number[]): number {
  if (types.length > 0 && types.every((type) => INTEGERS.has(type))) return INT8;
  return types.length === 1 ? types[0]! : 0;
}

/** In text format the value is the key itself. */
export function isTextAsItStands(type: number): boolean {
  return SCALARS.has(type) && type !== BPCHAR;
}

/** False for a key of which only the bytes are known, not the server's text form. */
export function isReadable(key: string): boolean {
  return !key.startsWith(OWN);
}

/** Adds the keys in a value to a list, without duplicates. @returns how many more people it contains whose keys cannot be read. */
export function addKeys(keys: string[], value: Uint8Array, type: number, format: number): number {
  const element = ELEMENT_OF.get(type);
  if (element === undefined) {
    // Perhaps an array of another type: as many people as it may have elements.
    if (format === 0 && !SCALARS.has(type) && value[0] === BRACE) return text(value).split(',').length;
    add(keys, keyText(value, type, format));
    return 0;
  }
  const list = format === 1 ? binaryArray(value, element) : textArray(text(value));
  if (typeof list === 'number') return list;
  const known = new Set(keys);
  for (const one of list) {
    const key = element === BPCHAR ? unpadded(one) : one;
    if (!known.has(key)) keys.push(key);
    known.add(key);
  }
  return 0;
}

/** All that a value can be as a key, where its type is not known. */
export function possibleKeys(value: Uint8Array, format: number): string[] {
  const words = text(value);
  const keys = [words, unpadded(words)];
  if (format === 0) {
    return words.includes('{') ? [...keys, ...textArray(words)] : keys;
  }
  const bytes = bufferOf(value);
  for (const type of [INT2, INT4, INT8, UUID, NUMERIC]) keys.push(keyText(value, type, format));
  const element = bytes.length < 12 ? 0 : bytes.readUInt32BE(8);
  const list = SCALARS.has(element) ? binaryArray(value, element) : 0;
  return typeof list === 'number' ? keys : [...keys, ...list];
}

/** Never the same for two people; where the type is not known it may be two for one person. */
function keyText(value: Uint8Array, type: number, format: number): string {
  if (type === BPCHAR) return unpadded(text(value));
  if (format === 0 || TEXTS.has(type)) return text(value);
  const bytes = bufferOf(value);
  if (INTEGERS.has(type)) {
    if (bytes.length === 4) return String(bytes.readInt32BE());
    if (bytes.length === 8) return String(bytes.readBigInt64BE());
    if (bytes.length === 2) return String(bytes.readInt16BE());
  }
  if (type === NUMERIC) {
    const whole = wholeNumber(bytes);
    if (whole !== undefined) return whole;
  }
  const hex = bytes.toString('hex');
  if (type !== UUID || bytes.length !== 16) return `${OWN}${type}:${hex}`;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Of the largest numeric that a column without decimals takes: `numeric(1000, -1000)`. */
const MOST_WEIGHT = 500;

/** Of numeric: how many digits follow, the weight of the first, the sign, how many decimals; then digits to the base of 10,000. */
function wholeNumber(bytes: Buffer): string | undefined {
  if (bytes.length < 8 || bytes.length !== 8 + 2 * bytes.readUInt16BE(0)) return undefined;
  const [weight, sign, decimals] = [bytes.readInt16BE(2), bytes.readUInt16BE(4), bytes.readUInt16BE(6)];
  const digits = (bytes.length - 8) / 2;
  if (sign === 0xc000) return 'NaN';
  if (decimals > 0 || (sign !== 0 && sign !== 0x4000) || digits > weight + 1 || weight > MOST_WEIGHT) return undefined;
  let words = '';
  for (let at = 0; at <= weight; at += 1)
    words += String(at < digits ? bytes.readUInt16BE(8 + 2 * at) : 0).padStart(4, '0');
  words = words.replace(/^0+(?=.)/, '') || '0';
  return sign === 0 ? words : `-${words}`;
}

function add(keys: string[], key: string): void {
  if (!keys.includes(key)) keys.push(key);
}

/** Invalid UTF-8 (from a client that may choose its encoding) is kept byte for byte. */
function text(value: Uint8Array): string {
  const bytes = bufferOf(value);
  const decoded = bytes.toString('utf8');
  return decoded.includes('\ufffd') ? OWN + bytes.toString('latin1') : decoded;
}

/** `{1,"a,b",NULL}`, or of several dimensions `{{1},{2}}`, perhaps with bounds before it: `[0:1]={1,2}`. */
function textArray(list: string): string[] {
  const elements: string[] = [];
  let element: string | undefined;
  let quoted = false;
  let wasQuoted = false;
  for (const [part] of list.slice(list.indexOf('{')).matchAll(/"|\\[\s\S]|[{},]|[^"\\{},]+/g)) {
    if (part === '"') {
      quoted = !quoted;
      wasQuoted = true;
      element ??= '';
    } else if (quoted || !'{},'.includes(part)) element = (element ?? '') + (part[0] === '\\' ? part.slice(1) : part);
    else {
      if (element !== undefined && (wasQuoted || element !== 'NULL')) elements.push(element);
      element = undefined;
      wasQuoted = false;
    }
  }
  return elements;
}

/** Dimensions, a flag, the elements' type; length and lower bound of each dimension; then each element with its length. */
function binaryArray(value: Uint8Array, element: number): string[] | number {
  const bytes = bufferOf(value);
  const keys: string[] = [];
  if (bytes.length < 12) return 1;
  for (let at = 12 + 8 * bytes.readInt32BE(0); at + 4 <= bytes.length; ) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0) continue;
    keys.push(keyText(bytes.subarray(at, at + length), element, 1));
    at += length;
  }
  return keys;
}
