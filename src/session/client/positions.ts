/** Maps the position in a server's error back from the text that was sent to the text that the client wrote. */
import type { Template } from '../../sql/text/template.ts';
import type { Rendered } from './render.ts';

/**
 * The position in the client's message of the character at `position` of the sent text: both count characters (code points) from 1. What lies inside
 * an inserted text maps to the start of what it replaced.
 */
export function clientPosition(rendered: Rendered, position: number): number {
  return (rendered.leads ?? 0) + positionInText(rendered, position);
}

function positionInText(rendered: Rendered, position: number): number {
  const { edits } = rendered.judgement;
  if (edits.length === 0) return position;
  const sentAt = unitsOf(rendered.sent, position - 1);
  // The offset between the client's text and the sent one, after the edits so far.
  let shift = 0;
  for (const edit of edits) {
    const start = edit.start + shift;
    if (sentAt < start) break;
    const length = writtenLength(edit.text, rendered);
    if (sentAt < start + length) return charactersOf(rendered.text, edit.start) + 1;
    shift += length - (edit.end - edit.start);
  }
  return charactersOf(rendered.text, sentAt - shift) + 1;
}

function writtenLength(text: Template, { slotText }: Rendered): number {
  return text.reduce((sum, piece) => sum + (typeof piece === 'string' ? piece.length : slotText(piece).length), 0);
}

/** UTF-16 units of the first `characters` code points. */
function unitsOf(text: string, characters: number): number {
  let at = 0;
  for (let i = 0; i < characters && at < text.length; i += 1) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

/** Code points of the first `units` UTF-16 units. */
export function charactersOf(text: string, units: number): number {
  let count = 0;
  for (let at = 0; at < units && at < text.length; count += 1) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return count;
}
