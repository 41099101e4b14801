/** `--claim NAME=VALUE`: what the token of somebody behind an account would say, for commands that ask as they would. */
import { personOf } from '../identity/person.ts';
import type { SessionPolicy } from '../session/session-policy.ts';
import type { Template } from '../sql/text/template.ts';

type Attributes = ReadonlyMap<string, string>;

/** The principal's attributes, those `from token` by the claims; or why there are none. */
export function attributesBy(
  claims: readonly string[],
  policy: SessionPolicy,
): { readonly attributes: Attributes } | { readonly problem: string } {
  if (claims.length === 0) return { attributes: policy.principal.attributes };
  if (!policy.principal.token) return { problem: `principal "${policy.principal.name}" takes no tokens` };
  const said: [string, unknown][] = [];
  for (const claim of claims) {
    const at = claim.indexOf('=');
    if (at < 1) return { problem: `expected --claim NAME=VALUE, found "${claim}"` };
    said.push([claim.slice(0, at), jsonOr(claim.slice(at + 1))]);
  }
  const person = personOf(policy, { user: '', claims: Object.fromEntries(said) });
  return 'refused' in person ? { problem: person.refused.message } : person;
}

/** Attributes that the text needs and nobody has given. */
export function missingIn(template: Template, attributes: Attributes): readonly string[] {
  const needed = template.flatMap((part) => (typeof part !== 'string' && part.kind === 'attribute' ? [part.name] : []));
  return [...new Set(needed)].filter((name) => !attributes.has(name));
}

/** `7731`, `true` and `[1,2]` are what JSON makes of them; anything else is a text. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
