/** Where the end users of a principal get their tokens, read from its entry alone: for a command that has neither catalog nor guard. */

import { principalSchema } from '../schema/principals-schema.ts';
import { PolicyDocument, type PolicyFile } from '../source/document.ts';
import type { TokenLogin } from './token-login.ts';

export interface TokenSource extends Pick<TokenLogin, 'clientId' | 'scope'> {
  readonly issuer: string;
}

/** Undefined if there is no such principal, if its end users do not log in with tokens, or if its entry has errors. */
export function loginOf(files: readonly PolicyFile[], name: string): TokenSource | undefined {
  for (const file of files) {
    const { value, malformed } = new PolicyDocument(file);
    const principals: unknown = malformed ? undefined : own(value, 'principals');
    const { data } = principalSchema.safeParse(own(principals, name));
    const { token } = data ?? {};
    if (token?.login) return { issuer: token.issuer, clientId: token.login.client_id, scope: token.login.scope };
  }
  return undefined;
}

function own(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}
