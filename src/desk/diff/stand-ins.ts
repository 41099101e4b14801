/** Makes policy files that were kept beside the log readable: removed passwords and canaries are replaced by placeholders. */
import { isScalar, parseDocument, visit } from 'yaml';
import type { PolicyFile } from '../../policy/source/document.ts';

const REMOVED = '(removed)';
/** Of no password. */
const VERIFIER = `SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`;

export function withStandIns({ path, text }: PolicyFile): PolicyFile {
  const found: { readonly start: number; readonly end: number; readonly by: string }[] = [];
  visit(parseDocument(text, { uniqueKeys: false, merge: false, schema: 'core', version: '1.2' }), {
    Scalar(_, node, ancestors) {
      if (node.value !== REMOVED || !node.range) return;
      const isCanary = ancestors.some((one) => 'key' in one && isScalar(one.key) && one.key.value === 'canaries');
      // No two canaries of a subject are alike.
      const canary = `hmac:${String(found.length).padStart(43, '0')}`;
      found.push({ start: node.range[0], end: node.range[1], by: isCanary ? canary : VERIFIER });
    },
  });
  let readable = text;
  for (const { start, end, by } of found.reverse()) readable = readable.slice(0, start) + by + readable.slice(end);
  return { path, text: readable };
}
