/** The value of `search_path` as the server reads it from text: at startup and in `set_config`. SET gives its names one by one. */

/** A name in quotes, or one that ends at a comma or white space: PostgreSQL's own, which is ASCII alone. */
const NAME = /^[ \t\n\r\f\v]*(?:"((?:[^"]|"")+)"|([^ \t\n\r\f\v",]+))[ \t\n\r\f\v]*(,|$)/;

/** The names of the list; undefined if it is not a list, or is empty. */
export function parseSearchPath(text: string): string[] | undefined {
  const names: string[] = [];
  let rest = text;
  for (;;) {
    const match = NAME.exec(rest);
    if (!match) return undefined;
    const [whole, quoted, plain = '', end] = match;
    names.push(quoted === undefined ? asciiLower(plain) : quoted.replaceAll('""', '"'));
    if (end === '') return names;
    rest = rest.slice(whole.length);
  }
}

/** The names that SET or a list gives are those of the guard's own path, in its order, and no others: `"$user"` may be a schema before them. */
export function isSearchPath(names: readonly string[] | undefined, pinned: readonly string[]): boolean {
  return names !== undefined && names.length === pinned.length && names.every((name, at) => name === pinned[at]);
}

/** What SET takes for the list. */
export function writtenSearchPath(searchPath: readonly string[]): string {
  return searchPath.length === 0 ? "''" : formatSearchPath(searchPath);
}

/** As the setting has it: names quoted where they must be. */
export function formatSearchPath(searchPath: readonly string[]): string {
  return searchPath
    .map((name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`))
    .join(', ');
}

function asciiLower(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
