/** Tests the key `log.forward`: accepted values, defaults, and the errors for all others. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';

type Collectors = readonly { longest: number; form: string; destination: object }[];

function collectors(forward: string): Collectors {
  return parse(forward) as Collectors;
}

function parse(forward: string, log = ''): unknown {
  const text = `listen: 127.0.0.1:6432\nupstream: { url: "postgres://u@localhost/db" }\nlog:\n  forward: ${forward}\n${log}`;
  const { config, problems } = parseConfig('/etc/rowgate/rowgate.yaml', text, { TOKEN: 'Splunk 1-2' });
  return config?.log.forward ?? problems?.map(({ line, message }) => `${line}: ${message}`).join('\n');
}

describe('log.forward', () => {
  it.each([
    ['syslog://10.0.0.1', { kind: 'syslog', host: '10.0.0.1', port: 514, tls: false }],
    ['syslog://collector:1514', { kind: 'syslog', host: 'collector', port: 1514, tls: false }],
    ['syslog+tls://siem.example', { kind: 'syslog', host: 'siem.example', port: 6514, tls: true }],
    ['syslog+tls://[2001:db8::1]:6515', { kind: 'syslog', host: '2001:db8::1', port: 6515, tls: true }],
    ['https://siem.example/take?x=1', { kind: 'https', url: 'https://siem.example/take?x=1' }],
    ['http://127.0.0.1:8088/', { kind: 'https', url: 'http://127.0.0.1:8088/' }],
  ])('takes %s', (to, destination) => {
    expect(parse(`[{ to: "${to}" }]`)).toMatchObject([{ to, destination, form: 'ocsf' }]);
  });

  it('has a bound for messages: what receivers of syslog take, more over HTTPS', () => {
    const [syslog, https, own] = collectors(
      '[{ to: "syslog://a" }, { to: "https://a" }, { to: "syslog://b", longest: 64 kB, form: ecs }]',
    );
    expect([syslog?.longest, https?.longest, own?.longest, own?.form]).toEqual([8192, 262_144, 65_536, 'ecs']);
  });

  it('names files beside the configuration, and secrets of the environment', () => {
    const [tls, https] = collectors(
      `[{ to: "syslog+tls://a", ca: ca.pem, cert: c.pem, key: k.pem }, { to: "https://a", authorization: "\${TOKEN}" }]`,
    );
    expect(tls?.destination).toMatchObject({
      ca: '/etc/rowgate/ca.pem',
      cert: '/etc/rowgate/c.pem',
      key: '/etc/rowgate/k.pem',
    });
    expect(https?.destination).toMatchObject({ authorization: 'Splunk 1-2' });
  });

  it.each([
    ['{ to: "udp://a:514" }', 'expected syslog+tls://host:6514, syslog://host:514 or an https address, without a user'],
    ['{ to: "http://siem.example" }', 'or an https address'],
    ['{ to: "https://user:secret@siem.example" }', 'without a user'],
    ['{ to: "syslog://a/path" }', 'expected syslog+tls'],
    ['{ to: "syslog://" }', 'expected syslog+tls'],
    ['{ to: "syslog://a", form: cef }', 'log.forward.0.form'],
    ['{ to: "syslog+tls://a", cert: c.pem }', 'expected cert and key together'],
    ['{ to: "syslog://a", ca: ca.pem }', 'expected syslog+tls, as certificates are named'],
    ['{ to: "syslog+tls://a", authorization: x }', 'syslog has none: expected cert and key'],
    ['{ to: "syslog://a", longest: 1 kB }', 'expected at least 4 kB'],
    ['{ to: "syslog://a", tls: true }', 'unknown key "tls"'],
    ['{ to: "https://a", authorization: [secret] }', 'log.forward.0.authorization'],
    ['{ to: "syslog://a" }, { to: "syslog://a" }', 'expected each address once'],
  ])('refuses %s', (collector, expected) => {
    const said = String(parse(`[${collector}]`));
    expect(said).toContain(expected);
    expect(said).not.toContain('secret');
  });

  it('is refused where the guard cannot read its own log', () => {
    const recipient = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';
    expect(parse('[{ to: "syslog://a" }]', `  encrypt_to: [${recipient}]\n`)).toMatch(
      /^4: log\.forward: a log that is encrypted cannot be forwarded: the guard cannot read it/,
    );
  });
});
