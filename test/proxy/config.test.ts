// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration writes its variables so
import { describe, expect, test } from 'vitest';
import { formatProblem } from '../../src/config/config.ts';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { workerConfig } from '../../src/config/worker-config.ts';

const parse = (text: string, environment: Record<string, string> = {}) =>
  parseConfig('/etc/rowgate/rowgate.yaml', text, environment);
const problems = (text: string, environment: Record<string, string> = {}) =>
  parse(text, environment).problems?.map(formatProblem) ?? [];

const MINIMAL = 'listen: 127.0.0.1:6432\nupstream: { url: "postgres://rowgate:pw@127.0.0.1/ent" }\n';

/** The example of the design, every key in it. */
const FULL = `
listen: 127.0.0.1:6432
tls: { cert: server.crt, key: server.key, client_ca: ca.crt, required: true }
upstream:
  url: postgres://rowgate:\${ROWGATE_UPSTREAM_PASSWORD}@db.internal:5432/ent
  tls: { mode: verify-full, ca: ca.crt }
  logins: { teacher: { user: ent_teacher, password: "\${TEACHER_PASSWORD}" } }
search_path: [public]
policies: ./policies
log:
  file: ./decisions.jsonl
  durability: batched
  text: normalized
  subjects: hashed
  rotate: daily
  keep: 12 months
  anchor: { to: https://anchor.example, every: 1 minute }
keys: { subjects: ./subjects.key }
notify: https://hook.example
time_zone: Europe/Paris
state: file:./rowgate-state
admin: 127.0.0.1:8432
workers: 1
`;

describe('rowgate.yaml', () => {
  test('every key is read', () => {
    const { config } = parse(FULL, { ROWGATE_UPSTREAM_PASSWORD: 'p@ss/w:rd%', TEACHER_PASSWORD: 't$' });
    expect(config).toMatchObject({
      listen: [{ host: '127.0.0.1', port: 6432 }],
      tls: { cert: '/etc/rowgate/server.crt', clientCa: '/etc/rowgate/ca.crt', required: true },
      upstream: {
        hosts: [{ host: 'db.internal', port: 5432 }],
        targetSessionAttrs: 'any',
        connectTimeoutMs: 10_000,
        pooling: 'none',
        database: 'ent',
        login: { user: 'rowgate', password: 'p@ss/w:rd%' },
        logins: new Map([['teacher', { user: 'ent_teacher', password: 't$' }]]),
        tls: { mode: 'verify-full', ca: '/etc/rowgate/ca.crt' },
      },
      policies: '/etc/rowgate/policies',
      log: {
        file: '/etc/rowgate/decisions.jsonl',
        durability: 'batched',
        text: 'normalized',
        rotate: { every: 'daily' },
        keep: { amount: 12, unit: 'month' },
        anchor: { to: { kind: 'https', url: 'https://anchor.example' }, everyMs: 60_000 },
        seal: { signer: { key: '/etc/rowgate/decisions.jsonl.key' }, everyMs: 10_000, records: 10_000 },
      },
      timeZone: 'Europe/Paris',
    });
    expect(JSON.stringify(config?.hash)).not.toContain('p@ss');
  });

  test.each<[string, Record<string, string>, unknown]>([
    ['', {}, { kind: 'file', folder: '/etc/rowgate/rowgate-state' }],
    ['state: file:/var/lib/rowgate/state', {}, { kind: 'file', folder: '/var/lib/rowgate/state' }],
    ['state: "file:${DIR}/s"', { DIR: '/a b' }, { kind: 'file', folder: '/a b/s' }],
    ['state: memory', {}, { kind: 'memory' }],
    ['state: "redis://:${P}@h:6379/1"', { P: 'a@b/c' }, { kind: 'redis', url: 'redis://:a%40b%2Fc@h:6379/1' }],
    ['state: "${URL}"', { URL: 'rediss://u:p@h' }, { kind: 'redis', url: 'rediss://u:p@h' }],
  ])('%s', (line, environment, state) => {
    expect(parse(`${MINIMAL}${line}\n`, environment).config?.state).toEqual(state);
  });

  test.each(['redis://', 'redis://h/x', 'redis://:secret@h?db=1', '"file:"', 'disk', '""'])(
    'state: %s is refused',
    (state) => {
      const { problems } = parse(`${MINIMAL}state: ${state}\n`);
      expect(problems?.map(({ message }) => message)).toEqual([
        'state: expected memory, file:PATH or redis://host:port',
      ]);
    },
  );

  test.each([
    ['../elsewhere/anchors.jsonl', { kind: 'file', path: '/etc/elsewhere/anchors.jsonl' }],
    ['syslog://h', { kind: 'syslog', host: 'h', port: 514, tls: false }],
    ['syslog+tls://h:7000', { kind: 'syslog', host: 'h', port: 7000, tls: true }],
    ['http://127.0.0.1:9/a', { kind: 'https', url: 'http://127.0.0.1:9/a' }],
  ])('log.anchor to %s', (to, destination) => {
    expect(parse(`${MINIMAL}log: { anchor: { to: "${to}" } }\n`).config?.log.anchor).toEqual({
      to: destination,
      everyMs: 60_000,
    });
  });

  test.each(['http://h/a', 'https://u:p@h', 'ftp://h', 'syslog:', ''])('log.anchor to "%s" is refused', (to) => {
    const { problems } = parse(`${MINIMAL}log: { anchor: { to: "${to}" } }\n`);
    expect(problems?.map(({ message }) => message)).toEqual([expect.stringMatching(/^log\.anchor\.to: /)]);
  });

  test('limits over all workers: one address gets half where the file does not say it', () => {
    expect(parse(MINIMAL).config).toMatchObject({
      workers: 1,
      drainMs: 30_000,
      limits: {
        connections: 1000,
        connectionsPerAddress: 500,
        reservedConnections: 3,
        logins: 500,
        loginsPerAddress: 250,
      },
    });
    const written = `${MINIMAL}workers: 4\ndrain: 2 minutes\nlimits: { connections: 11, logins_per_address: 7 }\n`;
    expect(parse(written).config).toMatchObject({
      workers: 4,
      drainMs: 120_000,
      limits: { connections: 11, connectionsPerAddress: 6, logins: 500, loginsPerAddress: 7 },
    });
    expect(parse(`${MINIMAL}workers: "\${N}"\n`, { N: '3' }).config?.workers).toBe(3);
  });

  test('each of several workers has a log of its own', () => {
    const config = parse(`${MINIMAL}name: g1\nlog: { file: /var/log/decisions.jsonl }\n`).config!;
    const { name, log } = workerConfig(config, 1);
    // One key makes the seals of all workers.
    expect(log.seal.signer).toEqual({ key: '/var/log/decisions.jsonl.key' });
    expect([name, log.file]).toEqual(['g1/2', '/var/log/decisions.2.jsonl']);
    expect(workerConfig({ ...config, log: { ...config.log, file: '/var/log/decisions' } }, 0).log.file).toBe(
      '/var/log/decisions.1',
    );
  });

  test('the rest has defaults, the safe ones', () => {
    expect(parse(MINIMAL).config).toMatchObject({
      searchPath: ['public'],
      policies: '/etc/rowgate/policies',
      upstream: { hosts: [{ host: '127.0.0.1', port: 5432 }], tls: { mode: 'disable' } },
    });
    const elsewhere = parse(MINIMAL.replace('127.0.0.1/', 'db.internal/')).config;
    expect(elsewhere?.upstream.tls).toEqual({ mode: 'verify-full' });
    expect(parse(`${MINIMAL}tls: { cert: a, key: b }\n`).config?.tls?.required).toBe(true);
  });

  test.each([
    ['[::1]:6432', { host: '::1', port: 6432 }],
    ['*:6432', { host: '*', port: 6432 }],
    ['localhost:6432', { host: 'localhost', port: 6432 }],
  ])('listen: "%s"', (listen, expected) => {
    expect(parse(MINIMAL.replace('127.0.0.1:6432', `"${listen}"`)).config?.listen).toEqual([expected]);
  });

  test.each<[string, Record<string, string>, unknown]>([
    ['postgres://u:${P}@h/d', { P: 'a@b/c:d%20' }, { user: 'u', password: 'a@b/c:d%20' }],
    ['postgres://u:a%40b$$@h/d', {}, { user: 'u', password: 'a@b$' }],
    ['${URL}', { URL: 'postgresql://u:p%40@[::1]:77/d' }, { user: 'u', password: 'p@' }],
    ['postgres://u@h/d', {}, { user: 'u' }],
  ])('upstream.url: %s', (url, environment, login) => {
    expect(parse(`listen: a:1\nupstream: { url: "${url}" }`, environment).config?.upstream.login).toEqual(login);
  });

  test.each<[string, Record<string, unknown>]>([
    [
      'postgres://u:p@h1:5433,h2,[::1]:1/d?target_session_attrs=read-write&connect_timeout=3',
      {
        hosts: [
          { host: 'h1', port: 5433 },
          { host: 'h2', port: 5432 },
          { host: '::1', port: 1 },
        ],
        targetSessionAttrs: 'read-write',
        connectTimeoutMs: 3_000,
        tls: { mode: 'verify-full' },
      },
    ],
    ['postgres://u@/d?host=/run/pg', { hosts: [{ host: '/run/pg', port: 5432 }], tls: { mode: 'disable' } }],
    ['postgres://u@%2Frun%2Fpg:77/d', { hosts: [{ host: '/run/pg', port: 77 }] }],
    [
      'postgres://u@/d?host=a,/run/pg&port=1,2&load_balance_hosts=random',
      {
        hosts: [
          { host: 'a', port: 1 },
          { host: '/run/pg', port: 2 },
        ],
        loadBalance: true,
        tls: { mode: 'verify-full' },
      },
    ],
    [
      'postgres://u@${HOSTS}/d',
      {
        hosts: [
          { host: 'x', port: 5432 },
          { host: 'y', port: 9 },
        ],
      },
    ],
  ])('hosts of %s', (url, expected) => {
    const { config } = parse(`listen: a:1\nupstream: { url: "${url}" }`, { HOSTS: 'x,y:9' });
    expect(config?.upstream).toMatchObject(expected);
  });

  test.each([
    ['256 MB', { bytes: 256 * 1024 * 1024 }],
    ['[weekly, 1 GB]', { every: 'weekly', bytes: 1024 ** 3 }],
    ['[64 kB, hourly]', { every: 'hourly', bytes: 65_536 }],
  ])('log.rotate: %s', (rotate, expected) => {
    expect(parse(`${MINIMAL}log: { rotate: ${rotate} }\n`).config?.log.rotate).toEqual(expected);
  });

  test('log.seal by a command, and by a key elsewhere', () => {
    const publicKey = 'k'.repeat(43);
    const by = (seal: string) => parse(`${MINIMAL}log: { seal: ${seal} }\n`).config?.log.seal;
    expect(by(`{ command: "hsm sign", public_key: ${publicKey}, every: 1 minute, records: 5 }`)).toEqual({
      signer: { command: 'hsm sign', publicKey },
      everyMs: 60_000,
      records: 5,
    });
    expect(by('{ key: ./keys/seal.pem }')?.signer).toEqual({ key: '/etc/rowgate/keys/seal.pem' });
  });

  test.each<[string, string, string]>([
    ['listen 127.0.0.1', 'expected a mapping', '1:1'],
    ['listen: [', 'flow sequence', '1:10'],
    ['listen: a:1\nlisten: b:2\n', '"listen" stands here twice', '2:1'],
    [`${MINIMAL}lisen: x\n`, 'unknown key "lisen", did you mean "listen"', '3:1'],
    [`${MINIMAL}log:\n  durabilty: strict\n`, 'log.durabilty: unknown key "durabilty"', '4:3'],
    [`${MINIMAL}log:\n  rotate: often\n`, 'log.rotate: expected hourly, daily, weekly, monthly or a size', '4:11'],
    [`${MINIMAL}log:\n  rotate: 1 kB\n`, 'log.rotate: expected hourly, daily, weekly, monthly or a size', '4:11'],
    [`${MINIMAL}log:\n  rotate: [daily, weekly]\n`, 'log.rotate: expected one time and one size at most', '4:11'],
    [
      `${MINIMAL}log:\n  keep: long\n`,
      'log.keep: expected a duration such as "5 s" (ms, s, minutes, hours, days, weeks, months, years), more than 0',
      '4:9',
    ],
    [`${MINIMAL}log:\n  seal: { key: k, command: c }\n`, 'log.seal: expected key or command, not both', '4:9'],
    [
      `${MINIMAL}log:\n  seal: { command: sign }\n`,
      'log.seal.public_key: expected command and public_key together',
      '4:3',
    ],
    [`${MINIMAL}log:\n  durability: fast\n`, 'log.durability: expected "batched" or "strict"', '4:15'],
    [MINIMAL.replace('127.0.0.1:6432', '6432'), 'listen: ', '1:9'],
    [MINIMAL.replace('127.0.0.1:6432', 'localhost'), 'listen: expected host:port', '1:9'],
    ['listen: a:1\n', 'upstream: ', '1:1'],
    [MINIMAL.replace('postgres:', 'mysql:'), 'upstream.url: expected postgres://', '2:18'],
    [MINIMAL.replace('/ent', '/ent?sslmode=disable'), 'upstream.url: parameter "sslmode" is not read here', '2:18'],
    [MINIMAL.replace('/ent', '/ent?keepalives=1'), 'upstream.url: unknown parameter "keepalives"', '2:18'],
    [MINIMAL.replace('/ent', '/ent?target_session_attrs=rw'), 'target_session_attrs: expected any, read-write', '2:18'],
    [MINIMAL.replace('/ent', '/ent?connect_timeout=0'), 'connect_timeout: expected seconds', '2:18'],
    [MINIMAL.replace('/ent', '/ent?host=/tmp'), 'expected the host either behind the @ or as host=', '2:18'],
    [MINIMAL.replace('@127.0.0.1/', '@/'), 'upstream.url: expected postgres://', '2:18'],
    [
      MINIMAL.replace('@127.0.0.1/', '@a,b/').replace('/ent', '/ent?port=1,2,3'),
      'expected one port, or one for',
      '2:18',
    ],
    [MINIMAL.replace(' }', ', pooling: statement }'), 'upstream.pooling: expected "none", "session" or', '2:66'],
    [MINIMAL.replace(' }', ', connect_timeout: 0 s }'), 'upstream.connect_timeout: expected a duration', '2:74'],
    [MINIMAL.replace('127.0.0.1/', '127.0.0.1:99999/'), 'upstream.url: expected a port', '2:18'],
    [MINIMAL.replace('pw', '${NOT_SET}'), 'environment variable NOT_SET is not set', '2:18'],
    [MINIMAL.replace(' }', ', password_command: [x] }'), 'expected either a password in "url" or a command', '2:75'],
    [MINIMAL.replace(':pw', '').replace(' }', ', password_command: ask }'), 'upstream.password_command: ', '2:72'],
    [MINIMAL.replace(':pw', '').replace(' }', ', password_command: [] }'), 'upstream.password_command', '2:54'],
    [
      MINIMAL.replace(' }', ', password_command_ttl: 1 s }'),
      'upstream.password_command_ttl: expected "password_command" as well',
      '2:79',
    ],
    [
      MINIMAL.replace(' }', ', logins: { r: { user: u, password: p, password_command: [x] } } }'),
      'upstream.logins.r.password_command: expected either "password" or "password_command"',
      '2:112',
    ],
    [
      MINIMAL.replace(' }', ', tls: { mode: require, cert: c } }'),
      'expected both "cert" and "key", or neither',
      '2:62',
    ],
    [
      MINIMAL.replace(' }', ', tls: { mode: disable, cert: c, key: k } }'),
      'upstream.tls.cert: expected another "mode"',
      '2:85',
    ],
    [`${MINIMAL}tls: { cert: c, key: k, client_crl: l }\n`, 'tls.client_crl: expected "client_ca" as well', '3:37'],
    [`${MINIMAL}require_certificate: unrestricted\n`, 'require_certificate: expected "tls" as well', '3:22'],
    [`${MINIMAL}require_certificate: some\n`, 'require_certificate: expected "none", "unrestricted"', '3:22'],
    [`${MINIMAL}time_zone: Mars/Base\n`, 'time_zone: expected a time zone', '3:12'],
    [`${MINIMAL}search_path: [public, $user]\n`, 'search_path.1: "$user" cannot stand', '3:23'],
    [`${MINIMAL}search_path: []\n`, 'search_path: ', '3:14'],
    [`${MINIMAL}workers: 0\n`, 'workers: ', '3:10'],
    [`${MINIMAL}drain: soon\n`, 'drain: expected a duration', '3:8'],
    [`${MINIMAL}limits: { connections: 0 }\n`, 'limits.connections: ', '3:24'],
    [`${MINIMAL}limits: { connections: 3 }\n`, 'limits.reserved_connections: expected fewer than connections', '3:1'],
    [`${MINIMAL}limits: { connection: 3 }\n`, 'limits.connection: unknown key "connection"', '3:11'],
    [`${MINIMAL}state: somewhere\n`, 'state: expected memory', '3:8'],
  ])('%j: %s at %s', (text, message, at) => {
    const [line, column] = at.split(':').map(Number);
    const found = parse(text).problems ?? [];
    expect(found.map(formatProblem).join('\n')).toContain(message);
    expect(found).toContainEqual(expect.objectContaining({ line, column, message: expect.stringContaining(message) }));
  });

  test('no problem quotes a secret', () => {
    expect(problems(MINIMAL.replace(' }', ', logins: { r: { user: u, password: 12345 } } }'))).toEqual([
      'rowgate.yaml:2:91: upstream.logins.r.password: expected a text',
    ]);
    expect(
      problems(MINIMAL.replace(' }', ', logins: { r: { user: u, password_command: [x, { topsecret: 1 }] } } }')).join(),
    ).toMatch(/^(?!.*topsecret).*password_command/);
    expect(problems(MINIMAL.replace('pw@127.0.0.1/ent', 'topsecret@:/')).join()).not.toContain('topsecret');
    expect(problems(MINIMAL.replace('pw', '${P}').replace('/ent', ''), { P: 'topsecret' }).join()).not.toContain(
      'topsecret',
    );
  });

  test('a file that is not there', () => {
    expect(loadConfig('/no/such/rowgate.yaml', {}).problems?.map(formatProblem)).toEqual([
      '/no/such/rowgate.yaml:1:1: no such file',
    ]);
  });
});
