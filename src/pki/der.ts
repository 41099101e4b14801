/** Reads the part of DER (X.690) that certificates need: elements, their content, and object identifiers. */

export interface DerElement {
  readonly tag: number;
  /** The value alone, without tag and length. */
  readonly content: Uint8Array;
  /** Offset of the first byte after the element, in the bytes that it was read from. */
  readonly end: number;
}

/** Tags that are used here. */
export const Der = { Oid: 0x06, Sequence: 0x30, Set: 0x31 } as const;

/** The element at `offset`; undefined if the bytes hold no complete element there. */
export function readElement(der: Uint8Array, offset = 0): DerElement | undefined {
  const tag = der[offset];
  const first = der[offset + 1];
  // Tags of several bytes do not occur in certificates.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const octets = first - 0x80;
    if (octets < 1 || octets > 3) return undefined;
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (der[start + i] ?? 0);
    start += octets;
  }
  const end = start + length;
  return end <= der.length ? { tag, content: der.subarray(start, end), end } : undefined;
}

/** All elements of these bytes, which must follow each other without a gap or a rest; undefined otherwise. */
export function readElements(der: Uint8Array): DerElement[] | undefined {
  const elements: DerElement[] = [];
  for (let offset = 0; offset < der.length; ) {
    const element = readElement(der, offset);
    if (!element) return undefined;
    elements.push(element);
    offset = element.end;
  }
  return elements;
}

/** `2.5.4.3`, from the content of an element with the tag `Oid`. */
export function readOid(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}
