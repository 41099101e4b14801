/** The keys of the guard's own passwords at the server, so that thousands of rounds of hashing are not done anew in each login. In memory alone. */
import { LRUCache } from 'lru-cache';
import { type DeriveKeys, deriveKeys, type ScramKeys } from '../protocol/scram.ts';

/** An account has one, until its password is set anew. Whoever plays the server can ask for others, and fills no more than this. */
const MOST_KEYS = 200;

export class DerivedKeys {
  private readonly keys = new LRUCache<string, Promise<ScramKeys>>({ max: MOST_KEYS });

  /** By all that they follow from: of another password, salt or count they are others. */
  readonly derive: DeriveKeys = (password, salt, iterations) => {
    const from = `${iterations} ${salt.toString('base64')} ${password}`;
    const known = this.keys.get(from);
    if (known) return known;
    const keys = deriveKeys(password, salt, iterations);
    this.keys.set(from, keys);
    keys.catch(() => this.keys.delete(from));
    return keys;
  };
}
