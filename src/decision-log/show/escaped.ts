/** Escapes text for HTML and SVG, between tags and in double-quoted attributes. */
import { visible } from './visible.ts';
import { LONGEST_WORD, unbroken } from './words.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** All text from the log, or from the caller, is escaped here before it goes into a page. */
export function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** The same for table cells: only words that are too long for one line may be broken. */
export function escapedCell(text: string): string {
  return unbroken(visible(text))
    .map((word) => (word.length > LONGEST_WORD ? `<span class="long">${escaped(word)}</span>` : escaped(word)))
    .join('');
}
