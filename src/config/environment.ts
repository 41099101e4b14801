/** `${NAME}` in a value of `rowgate.yaml` takes an environment variable; `$$` stands for one `$`. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** A part of a value: text from the file, or the value of a variable, which is never parsed further. */
export interface Piece {
  readonly text: string;
  readonly fromVariable: boolean;
}

/** Splits a value into parts; `missing` has the names of variables that are not set. */
export function expand(value: string, environment: Environment): { pieces: Piece[]; missing: string[] } {
  const pieces: Piece[] = [];
  const missing: string[] = [];
  const pattern = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
  let last = 0;
  for (const match of value.matchAll(pattern)) {
    if (match.index > last) pieces.push({ text: value.slice(last, match.index), fromVariable: false });
    last = match.index + match[0].length;
    const name = match[1];
    if (name === undefined) {
      pieces.push({ text: '$', fromVariable: false });
      continue;
    }
    const text = environment[name];
    if (text === undefined) missing.push(name);
    else pieces.push({ text, fromVariable: true });
  }
  if (last < value.length) pieces.push({ text: value.slice(last), fromVariable: false });
  return { pieces, missing };
}

/** The text with the variables' values in it. */
export function joinPieces(pieces: readonly Piece[]): string {
  return pieces.map((piece) => piece.text).join('');
}
