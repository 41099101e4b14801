/** Stage 6: Rowgate's own output is parsed again; it must be the tree that was meant, also to an older server (promise P2). */
import { refusal } from '../../errors.ts';
import { MOST_TOKENS_SENT } from '../../sql/bounds.ts';
import { applyEdits } from '../../sql/edits.ts';
import { isParsed, parse } from '../../sql/parse.ts';
import { OutOfPatience } from '../../sql/patience.ts';
import { sameTree } from '../../sql/tree.ts';
import type { Draft, Stage } from '../draft.ts';
import { placeholders } from '../rewrite/placeholders.ts';
import { newerFormRefusal } from './older-server.ts';

export const verifyStage: Stage = {
  name: 'verify',
  run(draft: Draft): void {
    if (draft.edits.length === 0) return;
    const { patience } = draft;
    const again = parse(placeholders(applyEdits(draft.text, draft.edits)), { patience, mostTokens: MOST_TOKENS_SENT });
    if (!isParsed(again) && again.kind === 'too-complex') throw new OutOfPatience();
    const counted = (): undefined => patience.spend() as undefined;
    const meant = draft.statements.map((s) => s.node);
    // INVARIANT: text that is not what was judged does not go upstream.
    const same =
      isParsed(again) &&
      again.statements.length === meant.length &&
      again.statements.every((s, i) => sameTree(s.node, meant[i], counted));
    if (same) {
      draft.refusal = newerFormRefusal(draft, again);
      return;
    }
    draft.refusal = refusal(
      'not-verified',
      '0A000',
      'this form is not supported for restricted roles: the rewritten statement could not be verified',
    );
  },
};
