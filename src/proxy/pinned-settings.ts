/** Settings that change what SQL means or what it may reach: pinned for every upstream session (promise P2, `rewriting.md` §6). */

/**
 * Given to the server as startup `options`: RESET and DISCARD ALL come back to them, and they outrank ALTER ROLE and
 * ALTER DATABASE. `search_path` is the guard's own.
 */
export function pinnedSettings(searchPath: readonly string[]): ReadonlyMap<string, string> {
  return new Map([
    // INVARIANT: the guard reads text by these; a server that reads it otherwise runs another statement than was judged.
    ['search_path', formatSearchPath(searchPath)],
    ['standard_conforming_strings', 'on'],
    ['backslash_quote', 'safe_encoding'],
    ['client_encoding', 'UTF8'],
    ['transform_null_equals', 'off'],
    ['array_nulls', 'on'],
    ['xmloption', 'content'],
    ['quote_all_identifiers', 'off'],
    // INVARIANT: as whom it runs, and that the server's own row security holds beside ours.
    ['role', 'none'],
    ['row_security', 'on'],
    // These would send the rewritten tree, hidden constants and all, to the client as messages.
    ['debug_print_parse', 'off'],
    ['debug_print_rewritten', 'off'],
    ['debug_print_plan', 'off'],
  ]);
}

/** As the setting has it: names quoted where they must be. */
function formatSearchPath(searchPath: readonly string[]): string {
  return searchPath
    .map((name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`))
    .join(', ');
}

/** Reads a list of identifiers; undefined where it is not one. */
export function parseSearchPath(text: string): string[] | undefined {
  const names: string[] = [];
  let rest = text.trim();
  for (;;) {
    const match = /^(?:"((?:[^"]|"")+)"|([^\s",]+))\s*(,\s*|$)/.exec(rest);
    if (!match) return undefined;
    names.push(match[1] === undefined ? (match[2] ?? '').toLowerCase() : match[1].replaceAll('""', '"'));
    rest = rest.slice(match[0].length);
    if (match[3] === '') return rest === '' ? names : undefined;
  }
}
