/** Checks the key files that a policy names when it is read. Keys at an address are read when a token comes. */

import { isKeysAddress } from '../policy/compile/tokens.ts';
import type { Policy } from '../policy/model/policy.ts';
import type { TokenRule } from '../policy/model/token-rule.ts';
import { type Diagnostic, placeOfRule } from '../policy/source/diagnostic.ts';
import { readKeySet } from './key-set.ts';
import { keysPlace } from './read-keys.ts';

/** The part of a token rule that names its keys, and where the policy says so. */
type NamedKeys = Pick<TokenRule, 'keys' | 'rule'>;

/** The `token` of each principal that has one. */
export function tokensOf({ principals }: Policy): NamedKeys[] {
  return [...principals.values()].flatMap(({ token }) => token ?? []);
}

/** An error for each `token` with a key file that cannot be read, is not a set of public keys, or holds no usable key. */
export async function keyFileErrors(tokens: readonly NamedKeys[], folder: string): Promise<Diagnostic[]> {
  const found: Diagnostic[] = [];
  for (const { keys, rule } of tokens) {
    const wrong = isKeysAddress(keys) ? undefined : await problemOf(keys, folder);
    if (wrong === undefined) continue;
    found.push({ ...placeOfRule(rule), severity: 'error', message: `keys "${keys}": ${wrong}` });
  }
  return found;
}

async function problemOf(file: string, folder: string): Promise<string | undefined> {
  try {
    const set = readKeySet(await keysPlace(file, folder).read());
    if ('wrong' in set) return set.wrong;
    return set.size === 0 ? 'no key in it is for EdDSA, ES256 or RS256' : undefined;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return missing ? 'no such file' : error instanceof Error ? error.message : String(error);
  }
}
