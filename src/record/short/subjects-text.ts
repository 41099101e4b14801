/** What a statement has told of data subjects, as JSON. */
import { printable } from '../printable.ts';
import type { SubjectsOfOutcome } from '../subject-ids.ts';

/** Names come from policies: they are few. */
const MOST_NAMES = 100;
const names = new Map<string, string>();

export function subjectsText(subjects: SubjectsOfOutcome): string {
  let text = '';
  for (const [name, { people, questions, values, ids }] of Object.entries(subjects)) {
    // Each of five million statements a day: what is nothing stands nowhere.
    const asked = questions > 0 ? `,"questions":${questions}` : '';
    const told = values > 0 ? `,"values":${values}` : '';
    const known = ids ? `,"ids":${json(ids)}` : '';
    text += `${text === '' ? '{' : ','}${nameText(name)}:{"people":${people}${asked}${told}${known}}`;
  }
  return `${text}}`;
}

function nameText(name: string): string {
  let text = names.get(name);
  if (text === undefined) {
    if (names.size >= MOST_NAMES) names.clear();
    text = json(name);
    names.set(name, text);
  }
  return text;
}

function json(value: unknown): string {
  return printable(JSON.stringify(value));
}
