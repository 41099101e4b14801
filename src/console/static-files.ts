/** The browser half as it was built, read into memory at the start: no path of a request is a path of the disk. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Context } from 'hono';

/** The same of the sources and of what is built of them. */
export const WEB_FOLDER = fileURLToPath(new URL('../../dist/console/web/', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};
const COMPRESSED: ReadonlySet<string> = new Set(['.html', '.js', '.css', '.json', '.svg']);
/** Files whose names contain a hash of their content. */
const HASHED = /^\/assets\//;

interface StaticFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzip?: Uint8Array<ArrayBuffer>;
}

export class StaticFiles {
  private readonly files = new Map<string, StaticFile>();

  constructor(folder: string) {
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const ending = extname(name);
      const type = TYPES[ending];
      if (type === undefined) continue;
      const plain = new Uint8Array(readFileSync(join(folder, name)));
      const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
      const gzip = COMPRESSED.has(ending) ? { gzip: new Uint8Array(gzipSync(plain, { level: 9 })) } : {};
      this.files.set(`/${name.split(sep).join('/')}`, { type, etag, plain, ...gzip });
    }
  }

  /** The file of that address; a page's address gets the one page that there is. */
  answer(context: Context): Response {
    const { path } = context.req;
    // A page's address may end in a name with dots.
    const file = this.files.get(path) ?? (HASHED.test(path) ? undefined : this.files.get('/index.html'));
    if (!file && this.files.size > 0) return context.text('not found\n', 404);
    if (!file) return context.text('the pages of the console are not built: npm run build\n', 503);
    const { type, etag, plain, gzip } = file;
    context.header('cache-control', HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
    context.header('etag', etag);
    context.header('vary', 'accept-encoding');
    if (context.req.header('if-none-match') === etag) return context.body(null, 304);
    context.header('content-type', type);
    const takesGzip = /\bgzip\b/.test(context.req.header('accept-encoding') ?? '');
    if (!gzip || !takesGzip) return context.body(plain);
    context.header('content-encoding', 'gzip');
    return context.body(gzip);
  }
}
