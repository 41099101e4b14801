/** Tests the configuration of addresses, unix sockets, proxies and times: what is read, and what is refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { withCurrentPasswords } from '../../src/app/current-passwords.ts';
import { keysForRestart, rereadConfig } from '../../src/app/reread-config.ts';
import { formatProblem } from '../../src/config/config.ts';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { shownListening } from '../../src/server/listen-address.ts';

const UPSTREAM = 'upstream: { url: "postgres://u:p@127.0.0.1/d" }\n';
const parse = (text: string) => parseConfig('/etc/rowgate/rowgate.yaml', text, {});
const withListen = (listen: string) => parse(`listen: ${listen}\n${UPSTREAM}`);
const problem = (text: string) => parse(text).problems?.map(formatProblem).join('\n') ?? '';

describe('where it listens', () => {
  test.each<[string, string[]]>([
    ['127.0.0.1:6432', ['127.0.0.1:6432']],
    ['["127.0.0.1:6432", "[::1]:6433", "*:6434"]', ['127.0.0.1:6432', '[::1]:6433', '*:6434']],
    ['unix:/run/rowgate:6432', ['unix:/run/rowgate:6432']],
    ['unix:/run/rowgate/:6432', ['unix:/run/rowgate:6432']],
    ['unix:/run/rowgate/.s.PGSQL.6432', ['unix:/run/rowgate:6432']],
    ['"unix:/a:b:7"', ['unix:/a:b:7']],
    ['unix:run:6432', ['unix:/etc/rowgate/run:6432']],
  ])('%s', (listen, shown) => {
    expect(withListen(listen).config?.listen.map(shownListening)).toEqual(shown);
  });

  test('a unix socket has the name that clients of PostgreSQL look for', () => {
    expect(withListen('unix:/run/rowgate:6432').config?.listen).toEqual([{ path: '/run/rowgate/.s.PGSQL.6432' }]);
  });

  test.each([
    'unix:/run/rowgate',
    'unix:/run/rowgate:0',
    'unix:/run/rowgate:65536',
    'unix::6432',
    'unix:/x/.s.PGSQL.x',
  ])('%s is refused', (listen) =>
    expect(problem(`listen: ${listen}\n${UPSTREAM}`)).toContain('expected unix:FOLDER:PORT'),
  );

  test('an empty list is refused, and the admin side has no unix socket', () => {
    expect(problem(`listen: []\n${UPSTREAM}`)).toContain('listen: expected something');
    expect(problem(`listen: a:1\n${UPSTREAM}admin: unix:/run/x:1\n`)).toContain('admin: expected host:port');
  });

  test.each([
    ['"0770"', 0o770],
    ['"700"', 0o700],
  ])('unix_socket_permissions: %s', (text, mode) => {
    expect(parse(`listen: a:1\n${UPSTREAM}unix_socket_permissions: ${text}\n`).config?.unixSocketPermissions).toBe(
      mode,
    );
  });

  test.each(['0770', '0o770', '511', '"0o770"', '"770x"', '"rwx"'])(
    'unix_socket_permissions: %s is refused, for it could be read in two ways',
    (text) => {
      expect(problem(`listen: a:1\n${UPSTREAM}unix_socket_permissions: ${text}\n`)).toContain('in quotes, as "0770"');
    },
  );

  test('proxies are address blocks', () => {
    const from = (blocks: string) => `listen: a:1\n${UPSTREAM}proxy_protocol: { from: ${blocks} }\n`;
    expect(parse(from('[10.0.0.7/32, "fd00::/8", local]')).config?.proxyProtocol.from).toHaveLength(3);
    for (const blocks of ['[]', '[10.0.0.7/33]', '[proxy.internal]', '["fe80::1%eth0"]']) {
      expect(problem(from(blocks))).toContain('proxy_protocol.from');
    }
  });
});

describe('times', () => {
  const timeouts = (text: string) => parse(`listen: a:1\n${UPSTREAM}timeouts: ${text}\n`);

  test('have defaults: 15 seconds for a login, for ever once that is done', () => {
    expect(parse(`listen: a:1\n${UPSTREAM}`).config?.timeouts).toEqual({ loginMs: 15_000 });
  });

  test('are durations, and 0 is for ever', () => {
    const all = timeouts('{ login: 5 s, idle: 1 hour, idle_in_transaction: 10 minutes }');
    expect(all.config?.timeouts).toEqual({ loginMs: 5_000, idleMs: 3_600_000, idleInTransactionMs: 600_000 });
    expect(timeouts('{ idle: 0, idle_in_transaction: "0" }').config?.timeouts).toEqual({ loginMs: 15_000 });
  });

  test.each(['{ login: 0 }', '{ login: 5 ms }', '{ idle: soon }', '{ idle: -1 s }', '{ idel: 1 s }', '{ idle: 5 }'])(
    '%s is refused',
    (text) => expect(timeouts(text).problems).toHaveLength(1),
  );
});

describe('the configuration is read again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-reread-'));
  const file = join(folder, 'rowgate.yaml');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const base = `listen: a:1\n${UPSTREAM}`;
  const load = (text: string) => {
    writeFileSync(file, text);
    const { config } = loadConfig(file, {});
    if (!config) throw new Error('the file has problems');
    return config;
  };
  const reread = (before: string, after: string, levelIsFixed = false) => {
    const running = load(before);
    writeFileSync(file, after);
    const lines: { level: number; msg: string }[] = [];
    const log = pino({ level: running.log.level }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const { config, take } = withCurrentPasswords(running);
    rereadConfig(config, log, levelIsFixed, take);
    return { level: log.level, said: lines.map(({ msg }) => msg), upstream: config.upstream };
  };

  test('the level of the log is taken up', () => {
    const { level, said } = reread(base, `${base}log: { level: debug }\n`);
    expect(level).toBe('debug');
    expect(said).toEqual(['log level is "debug" now']);
    expect(reread(`${base}log: { level: warn }\n`, base).level).toBe('info');
  });

  test('unless the command line has fixed it', () => {
    expect(reread(base, `${base}log: { level: debug }\n`, true)).toMatchObject({ level: 'info', said: [] });
  });

  test('a change that needs a restart is reported by its key, never by its value', () => {
    const after = base.replace('a:1', 'a:2').replace('u:p@', 'other:geheim@');
    const { said } = reread(base, `${after}workers: 2\ntls: { cert: c, key: k }\n`);
    expect(said).toEqual(
      ['listen', 'tls.cert', 'tls.key', 'tls.required', 'upstream.url', 'workers'].map(
        (key) => `${key} was changed; it takes effect after a restart`,
      ),
    );
  });

  test('passwords of the accounts that there are, and of no others', () => {
    const url = 'postgres://u@127.0.0.1/d';
    const before = `listen: a:1\nupstream: { url: "${url}", logins: { r: { user: x, password: old }, s: { user: y } } }\n`;
    const changed = before
      .replace(`"${url}"`, `"${url}", password_command: [./token, --now], password_command_ttl: 1 minute`)
      .replace('password: old', 'password: geheim')
      .replace('s: { user: y }', 's: { user: z, password: geheim }');
    const { said, upstream } = reread(before, changed);
    expect(said).toEqual([
      'passwords towards the database server reloaded',
      'upstream.logins was changed; it takes effect after a restart',
    ]);
    expect(upstream.login).toEqual({
      user: 'u',
      password: { command: [join(folder, 'token'), '--now'], ttlMs: 60_000 },
    });
    expect(upstream.logins).toEqual(
      new Map<string, object>([
        ['r', { user: 'x', password: 'geheim' }],
        ['s', { user: 'y' }],
      ]),
    );
    expect(reread(before, before).said).toEqual([]);
  });

  test('a file with problems changes nothing', () => {
    const { level, said } = reread(base, `${base}log: { level: debug, fil: x }\n`);
    expect(level).toBe('info');
    expect(said).toEqual([
      expect.stringMatching(/^configuration not reloaded: rowgate\.yaml:3:\d+: log\.fil: unknown key/),
    ]);
  });

  test.each<[string, string, string[]]>([
    ['the same', '', []],
    ['a comment', '# nothing\n', []],
    ['timeouts', 'timeouts: { idle: 1 s, login: 5 s }\n', ['timeouts.idle', 'timeouts.login']],
    ['drain', 'drain: 1 s\n', ['drain']],
    ['limits', 'limits: { logins: 10 }\n', ['limits.logins', 'limits.logins_per_address']],
    ['the log', 'log: { durability: strict, level: warn }\n', ['log.durability']],
    ['proxies', 'proxy_protocol: { from: [local] }\n', ['proxy_protocol.from']],
    ['the search path', 'search_path: [a]\n', ['search_path']],
  ])('%s', (_what, more, keys) => {
    expect(keysForRestart(load(base), load(base + more))).toEqual(keys);
  });

  test('parts of upstream have their own keys', () => {
    const url = 'url: "postgres://u:p@127.0.0.1/d"';
    const logins = `upstream: { ${url}, logins: { r: { user: x } }, tls: { mode: require }, connect_timeout: 5 s }`;
    expect(keysForRestart(load(base), load(base.replace(/upstream.*/, logins)))).toEqual([
      'upstream.connect_timeout',
      'upstream.logins',
      'upstream.tls',
    ]);
  });
});
