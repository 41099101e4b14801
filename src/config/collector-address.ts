/** Addresses of receivers of a guard's records: `syslog://host:514`, `syslog+tls://host:6514`, `https://…`. */

export type CollectorAddress =
  | { readonly kind: 'syslog'; readonly host: string; readonly port: number; readonly tls: boolean }
  | { readonly kind: 'https'; readonly url: string };

/** RFC 6587 and RFC 5425. */
const PORTS = { tcp: 514, tls: 6514 };
const THIS_MACHINE = /^(localhost|127\.[0-9.]+|\[::1\])$/;

/** Undefined if the text is not such an address. An address holds no secret: credentials are configured separately. */
export function collectorAddress(text: string): CollectorAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.hostname === '' || url.username + url.password !== '') return undefined;
  switch (url.protocol) {
    case 'syslog:':
    case 'syslog+tls:': {
      if (url.search + url.hash !== '' || !/^\/?$/.test(url.pathname)) return undefined;
      const tls = url.protocol === 'syslog+tls:';
      const port = url.port === '' ? (tls ? PORTS.tls : PORTS.tcp) : Number(url.port);
      return { kind: 'syslog', host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, tls };
    }
    case 'https:':
      return { kind: 'https', url: text };
    case 'http:':
      return THIS_MACHINE.test(url.hostname) ? { kind: 'https', url: text } : undefined;
    default:
      return undefined;
  }
}
