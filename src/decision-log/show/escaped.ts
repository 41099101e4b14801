/** Text in HTML and SVG, between tags and in double-quoted attributes. */
import { visible } from './visible.ts';
import { LONGEST_WORD, unbroken } from './words.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Whatever comes from the log, or from whoever called, goes into a page through here. */
export function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** The same for the cells of tables: a word that is too long to stand in one line may be broken, and no other. */
export function escapedCell(text: string): string {
  return unbroken(visible(text))
    .map((word) => (word.length > LONGEST_WORD ? `<span class="long">${escaped(word)}</span>` : escaped(word)))
    .join('');
}
