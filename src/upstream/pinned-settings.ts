/** Settings that change what SQL means or what it may reach: pinned for every upstream session (promise P2, `rewriting.md` §6). */
import { formatSearchPath } from '../guard/search-path.ts';

/**
 * Given to the server as startup `options`: RESET and DISCARD ALL come back to them, and they outrank ALTER ROLE and
 * ALTER DATABASE. `search_path` is the guard's own.
 */
export function pinnedSettings(searchPath: readonly string[]): ReadonlyMap<string, string> {
  return new Map([
    // INVARIANT 23: the guard reads text by these; a server that reads it otherwise runs another statement than was judged.
    ['search_path', formatSearchPath(searchPath)],
    ['standard_conforming_strings', 'on'],
    ['backslash_quote', 'safe_encoding'],
    ['client_encoding', 'UTF8'],
    ['transform_null_equals', 'off'],
    ['array_nulls', 'on'],
    ['xmloption', 'content'],
    ['quote_all_identifiers', 'off'],
    // As whom it runs, and that the server's own row security holds beside ours.
    ['role', 'none'],
    ['row_security', 'on'],
    // These would send the rewritten tree, hidden constants and all, to the client as messages.
    ['debug_print_parse', 'off'],
    ['debug_print_rewritten', 'off'],
    ['debug_print_plan', 'off'],
  ]);
}
