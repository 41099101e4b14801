/** The shape of a text: with a parameter instead of each literal, so that texts which differ only in values have the same shape. */
import { KIND, lex } from '../sql/text/lexer.ts';

export interface Shape {
  readonly text: string;
  /** How many parameters it has: the client's own, and one for each literal. */
  readonly parameters: number;
  /** The client's own alone. */
  readonly own: number;
}

export function shapeOf(text: string): Shape {
  const { count, kind, start, end } = lex(text);
  let parameters = 0;
  for (let i = 0; i < count; i += 1) {
    if (kind[i] === KIND.parameter) parameters = Math.max(parameters, Number(text.slice(start[i]! + 1, end[i])));
  }
  const own = parameters;
  const pieces: string[] = [];
  let from = 0;
  for (let i = 0; i < count; i += 1) {
    if (kind[i] !== KIND.string && kind[i] !== KIND.number) continue;
    parameters += 1;
    pieces.push(text.slice(from, start[i]), `$${parameters}`);
    from = end[i]!;
  }
  pieces.push(text.slice(from));
  return { text: pieces.join(''), parameters, own };
}
