/** Puts text of Rowgate's own around a client's expression, before, between and after its arguments. */
import type { Node } from '../../sql/parse/tree.ts';
import { replaceInPlace } from '../../sql/parse/tree.ts';
import { detached, expressionTree, type Rewriter } from './rewriter.ts';

/** Argument `n` in a text of ours that is parsed by itself. */
const PLACE = 1_900_000_000;

/** The pieces are put before, between and after `args`, and replace the rest of the node. An argument may be the node itself. */
export function surround(w: Rewriter, node: Node, args: readonly Node[], pieces: readonly string[]): void {
  const own = w.range(node);
  const ranges = args.map((arg) => (arg === node ? own : w.outerRange(arg)));
  // Brackets around the first or last argument are its own.
  const whole = {
    start: Math.min(own.start, ranges[0]?.start ?? own.start),
    end: Math.max(own.end, ranges.at(-1)?.end ?? own.end),
  };
  const tree = expressionTree([pieces.reduce((text, piece, i) => `${text}$${PLACE + i - 1}${piece}`)]);
  let at = whole.start;
  pieces.forEach((piece, i) => {
    const range = ranges[i];
    if (!range && at === whole.end) w.edits.close(at, [piece]);
    else if (range?.start === at) w.edits.open(at, whole.end, [piece]);
    else w.edits.replace(at, range?.start ?? whole.end, [piece]);
    at = range?.end ?? whole.end;
  });
  w.mutateFirst(() => {
    fill(
      tree,
      args.map((arg) => (arg === node ? detached(arg) : arg)),
    );
    replaceInPlace(node, tree);
  });
}

/** Puts the arguments into their places. */
function fill(value: unknown, args: readonly Node[]): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [field, inner] of Object.entries(value)) {
    const number = (inner as { ParamRef?: { number?: number } } | null)?.ParamRef?.number;
    const arg = number === undefined ? undefined : args[number - PLACE];
    if (arg) (value as Record<string, unknown>)[field] = arg;
    else fill(inner, args);
  }
}
