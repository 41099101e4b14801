/** Settings that change what SQL means or what it may reach: pinned for every session at the server (promise P2, `rewriting.md` §6). */
import { formatSearchPath } from '../guard/search-path.ts';

/**
 * Sent as startup `options`: RESET and DISCARD ALL return to them, and they override ALTER ROLE and ALTER DATABASE. `search_path` is the guard's own.
 */
export function pinnedSettings(searchPath: readonly string[]): ReadonlyMap<string, string> {
  return new Map([
    // INVARIANT 23: the guard parses text under these settings; a server with others would run another statement than the judged one.
    ['search_path', formatSearchPath(searchPath)],
    ['standard_conforming_strings', 'on'],
    ['backslash_quote', 'safe_encoding'],
    ['client_encoding', 'UTF8'],
    ['transform_null_equals', 'off'],
    ['array_nulls', 'on'],
    ['xmloption', 'content'],
    ['quote_all_identifiers', 'off'],
    // The role that statements run as, and the server's own row security.
    ['role', 'none'],
    ['row_security', 'on'],
    // These would send the rewritten tree, with hidden constants, to the client as messages.
    ['debug_print_parse', 'off'],
    ['debug_print_rewritten', 'off'],
    ['debug_print_plan', 'off'],
  ]);
}
