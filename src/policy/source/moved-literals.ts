/** Literals whose meaning moves with settings that a client may choose: DateStyle, TimeZone, IntervalStyle. A policy may not hold them. */
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import { DATE, INTERVAL, TIMESTAMP, TIMESTAMPTZ, TIMETZ } from '../../sql/types/oids.ts';
import { baseType, elementType, isRow } from '../../sql/types/type.ts';

/** Why the literal moves, and how to write it instead; undefined where it does not. Domains, arrays and ranges are looked into. */
export function movedBySettings(text: string, oid: Oid, catalog: Catalog): string | undefined {
  const type = baseType(catalog, oid);
  if (isRow(catalog, type)) return 'a literal of a row type cannot stand here: write each of its values by itself';
  const inside = elementType(catalog, type) || catalog.typesByOid.get(type)?.subtype || 0;
  if (inside === 0) return movedScalar(text.trim(), type);
  for (const part of partsOf(text)) {
    const moved = movedBySettings(part, inside, catalog);
    if (moved !== undefined) return moved;
  }
  return undefined;
}

/** The values in an array's or a range's literal. Cut at every sign that could end one: a piece too many is reported, not missed. */
function partsOf(text: string): string[] {
  return text
    .split(/[{}()[\]",\\]+/)
    .map((part) => part.trim())
    .filter((part) => part !== '' && !/^(null|empty)$/i.test(part));
}

function movedScalar(text: string, type: Oid): string | undefined {
  const fixed = /^[+-]?infinity$/i.test(text);
  const iso = fixed || /^\d{4}-\d{2}-\d{2}/.test(text);
  const zoned = fixed || /(z|[+-]\d{2}(:?\d{2})?)$/i.test(text.slice(10));
  switch (type) {
    case DATE:
    case TIMESTAMP:
      return iso ? undefined : `'${text}' moves with the session's DateStyle: write YYYY-MM-DD`;
    case TIMESTAMPTZ:
      return iso && zoned ? undefined : zoneMissing(text);
    case TIMETZ:
      return /[+-]\d{2}/.test(text) ? undefined : zoneMissing(text);
    case INTERVAL:
      return signMoves(text)
        ? `'${text}' moves with the session's IntervalStyle: give each of its parts a sign`
        : undefined;
    default:
      return undefined;
  }
}

function zoneMissing(text: string): string {
  return `'${text}' moves with the session's time zone: write it with an offset, as 2026-09-01 00:00+02`;
}

/** Under `sql_standard`, a sign before the first part holds for all of them where no other has one. */
function signMoves(text: string): boolean {
  const [first, ...others] = text.match(/[+-]?\d[\d.:]*/g) ?? [];
  return first?.startsWith('-') === true && others.some((part) => !/^[+-]/.test(part));
}
