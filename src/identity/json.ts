/** JSON with one possible reading: no object repeats a member, and nesting is limited. */

const DEEPEST = 10;

/** Undefined if the text is not such JSON. */
export function readJson(text: string): { readonly value: unknown } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isUnambiguous(text) ? { value } : undefined;
}

/** The bytes must be valid UTF-8. */
export function readJsonBytes(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return readJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON readers differ in which of two equal members they take. The text must be valid JSON. */
function isUnambiguous(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined);
      if (open.length > DEEPEST) return false;
    } else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const names = open.at(-1);
      const name = JSON.parse(last) as string;
      if (names?.has(name)) return false;
      names?.add(name);
    } else last = token;
  }
  return true;
}
