/** Logs people in by an issuer of OpenID Connect: code flow with PKCE, state and nonce; who may what follows from a claim or a file. */
import { readFileSync } from 'node:fs';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { parse } from 'yaml';
import { CONSOLE_ROLES, type ConsoleOidc, type ConsoleRole } from '../config/console.ts';
import { askIssuer } from '../identity/ask-issuer.ts';
import { hashOf, type Person, secret } from './sessions.ts';

/** Between being sent to the issuer and coming back. */
const LIFE_MS = 600_000;
const MOST_UNDER_WAY = 1_000;
/** The form that the control socket accepts: the name is written to the decision log. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}$/;

interface UnderWay {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly until: number;
}

/** Why a login was refused, for the console's log; the person is told less. */
export class NotLetIn extends Error {}

export class OidcLogin {
  private readonly underWay = new Map<string, UnderWay>();
  private provider: Configuration | undefined;

  /** `callback`: where the issuer sends people back. */
  constructor(
    private readonly options: ConsoleOidc,
    private readonly callback: string,
  ) {}

  /** Where to send the browser, and what it is to bring back in a cookie. */
  async begin(): Promise<{ readonly address: string; readonly cookie: string }> {
    const provider = await this.discovered();
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
    const address = buildAuthorizationUrl(provider, {
      redirect_uri: this.callback,
      scope: this.options.scope,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    const cookie = secret();
    const now = Date.now();
    for (const [key, { until }] of this.underWay) {
      if (now < until && this.underWay.size < MOST_UNDER_WAY) break;
      this.underWay.delete(key);
    }
    this.underWay.set(hashOf(cookie), { state, nonce, verifier, until: now + LIFE_MS });
    return { address: address.href, cookie };
  }

  /** `query`: that of the callback. Throws where the issuer names no person, NotLetIn where the person has no rights here. */
  async end(query: string, cookie: string | undefined): Promise<Person> {
    const key = hashOf(cookie ?? '');
    const began = this.underWay.get(key);
    this.underWay.delete(key);
    // INVARIANT 107: only the browser that was sent to the issuer comes back from it, and once.
    if (!began || Date.now() >= began.until) throw new NotLetIn('this login was not begun in this browser, or is over');
    const tokens = await authorizationCodeGrant(await this.discovered(), new URL(`${this.callback}${query}`), {
      pkceCodeVerifier: began.verifier,
      expectedState: began.state,
      expectedNonce: began.nonce,
      idTokenExpected: true,
    });
    const claims = (tokens.claims() ?? {}) as Readonly<Record<string, unknown>>;
    const name = claimIn(claims, this.options.name);
    if (typeof name !== 'string' || !NAME.test(name))
      throw new NotLetIn(
        `the claim "${this.options.name}" does not name a person in a form that the decision log can record`,
      );
    const role = this.roleOf(name, claims);
    if (!role) throw new NotLetIn(`"${name}" has no role at the console`);
    return { name, role };
  }

  /** The most that a claim, or the file, gives. */
  private roleOf(name: string, claims: Readonly<Record<string, unknown>>): ConsoleRole | undefined {
    const { roles, people } = this.options;
    if (people !== undefined) return roleInFile(people, name);
    if (!roles) return undefined;
    const value = claimIn(claims, roles.claim);
    const values = Array.isArray(value) ? value : [value];
    return CONSOLE_ROLES.findLast((role) => roles[role].some((word) => values.includes(word)));
  }

  private async discovered(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.options;
    const authentication = clientSecret === undefined ? None() : ClientSecretPost(clientSecret);
    const execute = [allowInsecureRequests]; // what is too insecure, askIssuer refuses
    this.provider ??= await discovery(new URL(issuer), clientId, undefined, authentication, {
      execute,
      [customFetch]: askIssuer,
    });
    return this.provider;
  }
}

/** Read at each login: who is taken out of it comes in no more. */
function roleInFile(file: string, name: string): ConsoleRole | undefined {
  const people: unknown = parse(readFileSync(file, 'utf8'));
  if (typeof people !== 'object' || people === null || !Object.hasOwn(people, name)) return undefined;
  const role = (people as Record<string, unknown>)[name];
  return CONSOLE_ROLES.find((one) => one === role);
}

/** Inherited properties are not claims. */
function claimIn(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}
