/** Logging in: by a link with a secret, as the command prints it, or by an issuer; how often that may be tried, and the cookie that follows from it. */
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Logger } from 'pino';
import { NotLetIn, type OidcLogin } from './login-oidc.ts';
import type { Origin } from './protect.ts';
import { hashOf, type Person, type PersonSessions, secret } from './sessions.ts';

const LIFE_MS = 600_000;

/** Each logs in once, within minutes. */
export class LoginLinks {
  private readonly open = new Map<string, { readonly person: Person; readonly until: number }>();

  constructor(private readonly now: () => number = Date.now) {}

  /** A new secret. */
  make(person: Person): string {
    const made = secret();
    for (const [key, { until }] of this.open) if (this.now() >= until) this.open.delete(key);
    this.open.set(hashOf(made), { person, until: this.now() + LIFE_MS });
    return made;
  }

  /** Ends the link, and returns the person for whom it was made. */
  use(given: string): Person | undefined {
    const key = hashOf(given);
    const found = this.open.get(key);
    // INVARIANT 107: a link that is found later in a history, a log or on a screen no longer works.
    this.open.delete(key);
    return found && this.now() < found.until ? found.person : undefined;
  }
}

const WINDOW_MS = 60_000;
const MOST_OF_ONE = 10;
const MOST_OF_ALL = 100;

/** Limits login attempts: for each address, and in total. */
class LoginRate {
  private began = 0;
  private all = 0;
  private readonly byAddress = new Map<string, number>();

  constructor(private readonly now: () => number = Date.now) {}

  /** False: not now. Each question counts. */
  allows(address: string): boolean {
    const now = this.now();
    if (now - this.began >= WINDOW_MS) {
      this.began = now;
      this.all = 0;
      this.byAddress.clear();
    }
    const before = this.byAddress.get(address) ?? 0;
    this.all += 1;
    this.byAddress.set(address, before + 1);
    // INVARIANT 107: secrets and codes cannot be tried one after the other.
    return before < MOST_OF_ONE && this.all <= MOST_OF_ALL;
  }
}

type Cookies = ReturnType<typeof cookiesOf>;

/** A host's cookies are those of all its ports: the name says which console. */
export function cookiesOf({ isSecure, url }: Origin) {
  const { port } = new URL(url);
  const name = `${isSecure ? '__Host-' : ''}rowgate-console${port === '' ? '' : `-${port}`}`;
  return {
    session: name,
    login: `${name}-login`,
    // INVARIANT 107: no script reads the cookie, and no other site's page sends it.
    options: { path: '/', httpOnly: true, secure: isSecure, sameSite: 'Strict' },
    // The issuer redirects back from another site, so `Strict` would drop the cookie.
    underWay: { path: '/', httpOnly: true, secure: isSecure, sameSite: 'Lax', maxAge: 600 },
  } as const;
}

export interface Logins {
  readonly sessions: PersonSessions;
  readonly sessionMs: number;
  /** One of them. */
  readonly links?: LoginLinks;
  readonly oidc?: OidcLogin;
  readonly log: Logger;
}

/** GET /login?secret=…, /login/oidc, /login/callback: each ends in a redirect that removes the secret from the address. */
export function answerLogins(app: Hono, { sessions, sessionMs, links, oidc, log }: Logins, cookie: Cookies): void {
  const rate = new LoginRate();
  const letIn = (context: Context, person: Person): Response => {
    const maxAge = Math.ceil(sessionMs / 1000);
    setCookie(context, cookie.session, sessions.begin(person), { ...cookie.options, maxAge });
    log.info({ by: person.name, role: person.role }, 'logged in at the console');
    return context.redirect('/', 303);
  };
  const tried = async (context: Context, login: () => Promise<Response>): Promise<Response> => {
    if (!rate.allows(addressOf(context))) {
      context.header('retry-after', '60');
      return context.redirect('/login?failed=too-many', 303);
    }
    try {
      return await login();
    } catch (error) {
      const failed = error instanceof NotLetIn ? 'not-let-in' : 'issuer';
      log.warn({ why: error instanceof Error ? error.message : String(error) }, 'not logged in at the console');
      return context.redirect(`/login?failed=${failed}`, 303);
    }
  };
  app.get('/login', async (context, next) => {
    const secret = context.req.query('secret');
    if (secret === undefined || context.req.raw.method !== 'GET') return next();
    return tried(context, async () => {
      const person = links?.use(secret);
      return person ? letIn(context, person) : context.redirect('/login?failed=link', 303);
    });
  });
  app.get('/login/oidc', (context) =>
    tried(context, async () => {
      if (!oidc) return context.redirect('/login?failed=link', 303);
      const { address, cookie: value } = await oidc.begin();
      setCookie(context, cookie.login, value, cookie.underWay);
      return context.redirect(address, 303);
    }),
  );
  app.get('/login/callback', (context) =>
    tried(context, async () => {
      const began = getCookie(context, cookie.login);
      deleteCookie(context, cookie.login, cookie.underWay);
      if (!oidc) return context.redirect('/login?failed=link', 303);
      return letIn(context, await oidc.end(new URL(context.req.url).search, began));
    }),
  );
}

function addressOf({ env }: Context): string {
  return (env as HttpBindings).incoming?.socket.remoteAddress ?? '';
}
