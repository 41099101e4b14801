/** Where the guard listens, from the key `listen`: `127.0.0.1:6432`, `[::1]:6432`, `*:6432`, `unix:/run/rowgate:6432`. */
import { z } from 'zod';

/** `host` is `*` for every address; `path` is the file of a unix socket. */
export type ListenAddress =
  | { readonly host: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string; readonly host?: undefined; readonly port?: undefined };

/** `host:port`, `[::1]:port`, or `*:port` for every address. */
export const tcpAddress = z.string().transform((value, context) => {
  const address = readTcp(value);
  if (address) return address;
  context.addIssue({ code: 'custom', message: 'expected host:port, as 127.0.0.1:6432 or [::1]:6432' });
  return z.NEVER;
});

/** A TCP address, or `unix:` and what libpq calls host and port: the socket's folder and number. */
export const listenAddress = z.string().transform((value, context): ListenAddress => {
  const address = value.startsWith('unix:') ? readUnix(value.slice('unix:'.length)) : readTcp(value);
  if (address) return address;
  const message = value.startsWith('unix:')
    ? 'expected unix:FOLDER:PORT, as unix:/run/rowgate:6432'
    : 'expected host:port or unix:FOLDER:PORT, as 127.0.0.1:6432, [::1]:6432 or unix:/run/rowgate:6432';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

function readTcp(value: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(\[[0-9a-fA-F:.%a-z]+\]|[^:[\]\s]+):([0-9]{1,5})$/.exec(value);
  const port = Number(match?.[2]);
  if (!match || port > 65535) return undefined;
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port };
}

/** The socket has PostgreSQL's file name, which may be written in full as well. */
function readUnix(place: string): { readonly path: string } | undefined {
  const match = /^(.+?)(?::|\/\.s\.PGSQL\.)([0-9]{1,5})$/.exec(place);
  const port = Number(match?.[2]);
  if (!match || match[1]?.includes('\0') || port < 1 || port > 65535) return undefined;
  return { path: `${(match[1] ?? '').replace(/(?<!\/)\/+$/, '')}/.s.PGSQL.${port}` };
}
