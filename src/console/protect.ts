/** What holds for every answer of the console: its headers, and by which names it answers at all. */
import type { MiddlewareHandler } from 'hono';
import type { ConsoleConfig } from '../config/console.ts';

export interface Origin {
  /** `https://rowgate.example.org` */
  readonly url: string;
  readonly isSecure: boolean;
  /** What the header Host may say. */
  readonly hosts: ReadonlySet<string>;
}

/** `port`: that it listens on. */
export function originOf({ listen, url, tls }: ConsoleConfig, port: number): Origin {
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const own = `${tls ? 'https' : 'http'}://${host}:${port}`;
  const named = url ?? own;
  const isLoopback = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(host);
  const hosts = [hostIn(named), hostIn(own), ...(isLoopback ? [`localhost:${port}`, `127.0.0.1:${port}`] : [])];
  return { url: named, isSecure: named.startsWith('https:'), hosts: new Set(hosts) };
}

/** As browsers write it: without the port that the scheme has anyway. */
function hostIn(url: string): string {
  return new URL(url).host;
}

/** No script, style, image or frame but its own; nothing inline, nothing evaluated. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  // INVARIANT 109: what an attacker wrote into a statement runs nowhere, and no other page shows this one in a frame.
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
} as const;

export function withHeaders({ isSecure }: Origin): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { headers } = context.res;
    for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
    if (isSecure) headers.set('strict-transport-security', 'max-age=31536000');
  };
}

export function hostOnly({ hosts }: Origin): MiddlewareHandler {
  return async (context, next) => {
    // INVARIANT 108: a page of another site whose DNS name points here (DNS rebinding) is not a page of the console.
    if (!hosts.has(context.req.header('host')?.toLowerCase() ?? '')) {
      return context.text('the console is not at this address: set console.url\n', 421);
    }
    await next();
    return undefined;
  };
}
