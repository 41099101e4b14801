/** After stage 1: the server must read in the text what Rowgate read; an older one knows fewer keywords and forms of numbers (promise P2). */
import { type Refusal, refusal } from '../../core/refusal.ts';
import { majorVersion, newerForm } from '../../sql/parse/older-grammar.ts';
import type { ParsedText } from '../../sql/parse/parse.ts';
import type { Draft, Stage } from '../draft.ts';

export const olderServerStage: Stage = {
  name: 'older server',
  run(draft: Draft): void {
    draft.refusal = newerFormRefusal(draft, draft.parsed!);
  },
};

/** Refuses a text that means something else to the server; undefined if it means the same, or is an error there. */
export function newerFormRefusal(draft: Draft, parsed: ParsedText): Refusal | undefined {
  const newer = newerForm(parsed, draft.catalog, draft.searchPath);
  if (!newer) return undefined;
  const version = majorVersion(draft.catalog.data.serverVersion);
  return refusal('unsupported', '0A000', `"${newer.word}" is not supported before PostgreSQL ${newer.since}`, {
    detail: `The server is PostgreSQL ${version}, to which the statement means something else.`,
    hint: `A name is put in double quotes.`,
    position: parsed === draft.parsed ? [...draft.text.slice(0, newer.at)].length + 1 : undefined,
  });
}
