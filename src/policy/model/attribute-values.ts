/** A principal's attributes as the log shows them: JSON values instead of PostgreSQL's text. */
import type { AttributeType } from './policy.ts';

/** `{ school_id: 12 }` for the text `12` of an integer attribute. Attributes that the role does not declare are left out. */
export function attributeValues(
  types: ReadonlyMap<string, AttributeType>,
  values: ReadonlyMap<string, string>,
): Readonly<Record<string, unknown>> {
  const shown: Record<string, unknown> = {};
  for (const [name, { type }] of types) {
    const text = values.get(name);
    if (text !== undefined)
      shown[name] = type.endsWith('[]') ? elements(text).map((e) => shownAs(type, e)) : shownAs(type, text);
  }
  return shown;
}

function shownAs(type: string, text: string | null): unknown {
  if (text === null) return null;
  const base = type.replace('[]', '');
  if (base === 'boolean') return /^(t|true|y|yes|on|1)$/i.test(text.trim());
  if (base !== 'integer' && base !== 'bigint') return text;
  const number = Number(text);
  // A bigint beyond 2^53 would lose its last digits as a JSON number.
  return Number.isSafeInteger(number) ? number : text;
}

/** The elements of a one-dimensional array literal `{a,"b ""c",NULL}`. */
function elements(literal: string): (string | null)[] {
  const body = literal.trim().replace(/^\{|\}$/g, '');
  const found: (string | null)[] = [];
  for (const match of body.matchAll(/\s*(?:"((?:[^"\\]|\\.)*)"|([^,"]*))\s*(?:,|$)/gs)) {
    const [whole, quoted, bare] = match;
    if (whole === '') break;
    if (quoted !== undefined) found.push(quoted.replace(/\\(.)/gs, '$1'));
    else found.push(/^null$/i.test(bare!.trim()) ? null : bare!.trim());
  }
  return found;
}
