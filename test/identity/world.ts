/** A verifier over a folder of keys, with clocks that a test moves and a log that it reads. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { memoryStore } from '../../src/budget/store/memory.ts';
import { LoggedOutTokens } from '../../src/identity/logged-out-tokens.ts';
import { TokenVerifier, type Verified } from '../../src/identity/verifier.ts';
import type { TokenRule } from '../../src/policy/model/token-rule.ts';
import { NOW } from './issuer.ts';

export interface World {
  readonly folder: string;
  readonly verifier: TokenVerifier;
  /** The records of the operators' log. */
  readonly lines: Record<string, unknown>[];
  /** Milliseconds since the epoch, and the time that has gone. */
  readonly clock: { now: number; elapsed: number };
  /** Lets time go on. */
  later(ms: number): void;
  writeKeys(text: string): Promise<void>;
  /** The user, or the words of the refusal. */
  outcome(rule: TokenRule, token: string): Promise<string>;
  close(): Promise<void>;
}

export async function makeWorld(keys?: string): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-keys-'));
  const lines: Record<string, unknown>[] = [];
  const clock = { now: NOW, elapsed: 0 };
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const loggedOut = new LoggedOutTokens(memoryStore({ timeZone: 'UTC', now: () => clock.now }));
  const verifier = new TokenVerifier({ folder, log, now: () => clock.now, elapsed: () => clock.elapsed, loggedOut });
  const writeKeys = (text: string): Promise<void> => writeFile(join(folder, 'jwks.json'), text);
  if (keys !== undefined) await writeKeys(keys);
  return {
    folder,
    verifier,
    lines,
    clock,
    later(ms) {
      clock.now += ms;
      clock.elapsed += ms;
    },
    writeKeys,
    outcome: async (rule, token) => inWords(await verifier.verify(rule, token)),
    close: () => rm(folder, { recursive: true }),
  };
}

function inWords(outcome: Verified | { readonly refused: { readonly message: string } }): string {
  return 'refused' in outcome ? outcome.refused.message : `user ${outcome.user}`;
}
