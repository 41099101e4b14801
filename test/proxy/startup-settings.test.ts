/** Tests settings in the startup packet: which of them drivers need, which a role must be granted, and who is admitted. */
import { describe, expect, test } from 'vitest';
import { admit, connectionLimit } from '../../src/identity/login-rules.ts';
import { plainAddress } from '../../src/identity/peer-address.ts';
import type { SettingRule } from '../../src/policy/compile/grantable-settings.ts';
import type { RolePolicy } from '../../src/policy/model/policy.ts';
import { FailedLogins } from '../../src/server/login/failed-logins.ts';
import { readRequest } from '../../src/server/login/startup-request.ts';
import { networkOf } from '../../src/server/slots/network-of.ts';
import { newUlid } from '../../src/server/ulid.ts';
import { upstreamParameters } from '../../src/upstream/parameters.ts';
import { pinnedSettings } from '../../src/upstream/pinned-settings.ts';
import { formatOptions, parseOptions } from '../../src/upstream/startup-options.ts';
import { policyOf, principal, role } from './support.ts';

const pinned = pinnedSettings(['public', 'My Schema']);
const read = (parameters: Record<string, string>) =>
  readRequest(new Map(Object.entries({ user: 'app', ...parameters })), pinned);

describe('the settings that drivers send at startup', () => {
  test.each<[string, Record<string, string>]>([
    ['libpq', { database: 'x', application_name: 'psql', client_encoding: 'UTF8', options: '-c geqo=off' }],
    ['JDBC', { client_encoding: 'UTF8', DateStyle: 'ISO', TimeZone: 'Europe/Paris', extra_float_digits: '3' }],
    ['asyncpg', { client_encoding: "'utf-8'" }],
    ['lib/pq', { client_encoding: 'UTF8', datestyle: 'ISO, MDY', extra_float_digits: '2' }],
    ['Npgsql', { client_encoding: 'UTF8', search_path: 'public, "My Schema"' }],
    ['lib/pq behind options', { options: '-c client_encoding=SQL_ASCII', client_encoding: 'UTF8' }],
    ['replication that is none', { replication: 'false' }],
  ])('%s', (_driver, parameters) => {
    expect(read(parameters).refusal).toBeUndefined();
  });

  test.each<[Record<string, string>, string]>([
    [{ client_encoding: 'SQL_ASCII' }, '0A000'],
    [{ session_authorization: 'postgres' }, '42501'],
    [{ session_replication_role: 'replica' }, '42501'],
    [{ 'rowgate.tokens': 'x' }, '42501'],
    [{ options: '-c' }, '0A000'],
    [{ options: '-c search_path' }, '0A000'],
    [{ options: '-c statement_timeout=1s -P' }, '0A000'],
    [{ options: '-c client_min_messages=debug5' }, '22023'],
    [{ replication: 'true' }, '0A000'],
    [{ user: '' }, '28000'],
  ])('%j is refused: %s', (parameters, sqlstate) => {
    expect(read(parameters).refusal).toMatchObject({ sqlstate });
  });
});

describe('settings that a role must be granted', () => {
  const granted = role('app', {
    access: 'restricted',
    settings: new Map<string, SettingRule>([
      ['work_mem', { kind: 'most', most: 8192, unit: 'kB', text: '8MB' }],
      ['app.tenant', { kind: 'any' }],
    ]),
  });
  const opened = (of: RolePolicy, parameters: Record<string, string>) => {
    const found = read(parameters);
    if (!('request' in found)) return found.refusal?.sqlstate;
    const sent = upstreamParameters('none', pinned, of, found.request.settings);
    return 'refusal' in sent ? sent.refusal.sqlstate : [...sent.startup].filter(([name]) => name !== 'options');
  };

  test.each<[Record<string, string>, [string, string][] | string]>([
    [{ 'app.tenant': '7' }, [['app.tenant', '7']]],
    [
      { options: '-c app.tenant=a\\ b -c work_mem=4MB' },
      [
        ['app.tenant', 'a b'],
        ['work_mem', '4MB'],
      ],
    ],
    [{ options: '-c work_mem=8193' }, '42501'],
    [{ options: '-c work_mem=1GB' }, '42501'],
    [{ 'app.school': '7' }, '42501'],
    [{ options: '-c enable_seqscan=off' }, '42501'],
    [{ options: '-c plpgsql.variable_conflict=use_column' }, '42501'],
    [
      { default_text_search_config: 'pg_catalog.french', xmlbinary: 'hex' },
      [
        ['default_text_search_config', 'pg_catalog.french'],
        ['xmlbinary', 'hex'],
      ],
    ],
    [{ default_text_search_config: 'archive.hidden' }, '22023'],
    [{ default_text_search_config: 'hidden' }, '22023'],
  ])('%j', (parameters, wanted) => {
    expect(opened(granted, parameters)).toEqual(wanted);
    if (parameters['app.tenant']) expect(opened(role('app', { access: 'restricted' }), parameters)).toBe('42501');
  });

  test('of a setting that is given twice the last value holds', () => {
    expect(
      opened(role('app', { access: 'restricted' }), {
        options: '-c search_path=other -c work_mem=1MB',
        search_path: 'public, "My Schema"',
      }),
    ).toBe('42501');
    expect(opened(role('app'), { options: '-c search_path=other', search_path: 'public, "My Schema"' })).toEqual([]);
  });

  // INVARIANT 244
  test.each(['0', '0ms', '1us', '499us', '999us', '6s'])('a time of %s leaves the role its own', (value) => {
    const slow = role('app', { access: 'restricted', limits: { statementTimeout: 5000 } });
    expect(opened(slow, { options: `-c statement_timeout=${value}` })).toEqual([]);
    expect(opened(slow, { statement_timeout: '1ms' })).toEqual([['statement_timeout', '1ms']]);
  });

  test('SERIALIZABLE is none for whose people are counted', () => {
    const asked = { options: '-c default_transaction_isolation=SERIALIZABLE' };
    const counted = role('app', { access: 'restricted', limitedSubjects: new Set(['pupil']) });
    expect(opened(counted, asked)).toBe('42501');
    expect(opened(counted, { default_transaction_isolation: 'repeatable read' })).toHaveLength(1);
    expect(opened(granted, asked)).toHaveLength(1);
  });

  test('an unrestricted role is given what it may SET', () => {
    const all = role('app', { access: 'unrestricted' });
    expect(opened(all, { options: '-c enable_seqscan=off' })).toEqual([['enable_seqscan', 'off']]);
  });
});

test('options are written so that they are read back', () => {
  const settings: [string, string][] = [
    ['search_path', 'public, "My ""odd\\ Schema"'],
    ['TimeZone', ''],
    ['x', ' \t\\ '],
  ];
  expect(parseOptions(formatOptions(settings))).toEqual({ settings });
});

describe('admission', () => {
  const ask = (from: string[], address: string) =>
    admit(policyOf([]), principal('app', [], { from }), { address, certificate: undefined }, 0).refusal?.reason;
  const policy = policyOf([], [role('app')]);

  test.each([
    [['10.0.0.0/8'], '10.1.2.3', true],
    [['10.0.0.0/8'], '11.1.2.3', false],
    [['10.1.2.3'], '10.1.2.3', true],
    [['fd00::/8'], 'fd12::1', true],
    [['fd00::/8'], 'fe80::1', false],
    [['0.0.0.0/0'], '::1', false],
    [['nonsense', '10.0.0.0/8'], '10.0.0.1', true],
    [['nonsense'], '10.0.0.1', false],
    [[], '10.0.0.1', true],
  ])('from %j, %s: %s', (from, address, admitted) => {
    const result = admit(policy, principal('app', [], { from }), { address, certificate: undefined }, 0);
    expect(result.refusal === undefined).toBe(admitted);
  });

  test('a principal that has lost its role', () => expect(ask([], '::1')).toBeUndefined());

  test('the smaller limit of connections holds', () => {
    const limited = (connections?: number) => (connections === undefined ? {} : { limits: { connections } });
    const limit = (a?: number, b?: number) =>
      connectionLimit(principal('app', [], limited(a)), role('app', limited(b)));
    expect([limit(), limit(3), limit(undefined, 4), limit(3, 4), limit(5, 4)]).toEqual([undefined, 3, 4, 3, 4]);
  });

  test('addresses of dual sockets are plain ones', () => {
    expect(plainAddress('::ffff:10.0.0.1')).toBe('10.0.0.1');
    expect(plainAddress('fe80::1%eth0')).toBe('fe80::1');
  });
});

describe('failed logins', () => {
  const guess = (failed: FailedLogins, principal: string, address: string) =>
    failed.attempted(principal, address, false);

  test('the delay grows, by pair, address and principal, and is bounded', () => {
    const failed = new FailedLogins();
    const delays = Array.from({ length: 40 }, () => guess(failed, 'app', '10.0.0.1'));
    expect(delays.slice(0, 6)).toEqual([0, 0, 0, 200, 400, 800]);
    expect(Math.max(...delays)).toBe(5_000);
    for (let i = 0; i < 20; i++) guess(failed, `name ${i}`, '10.0.0.1');
    expect(guess(failed, 'other', '10.0.0.1')).toBe(5_000); // the address
    expect(guess(failed, 'app', '10.0.0.2')).toBe(2_000); // the principal, less: others must still get in
    expect(guess(failed, 'other', '10.0.0.2')).toBe(0);
    expect(failed.attempted('app', '10.0.0.1', true)).toBe(5_000); // known only after the wait
    failed.waited('app', '10.0.0.1', true);
    expect(failed.attempted('app', '10.0.0.1', true)).toBe(5_000); // its forty failures still
  });

  test('one application with a wrong password slows itself alone at its address', () => {
    const failed = new FailedLogins();
    failed.attempted('known', '10.0.0.1', true);
    for (let i = 0; i < 1_000; i++) guess(failed, 'looping', '10.0.0.1');
    expect(guess(failed, 'looping', '10.0.0.1')).toBe(5_000);
    expect(failed.attempted('known', '10.0.0.1', true)).toBe(0);
    expect(failed.attempted('new', '10.0.0.1', true)).toBe(0);
  });

  test('many names from one address are slow, except for those that have logged in there', () => {
    const failed = new FailedLogins();
    failed.attempted('known', '10.0.0.1', true);
    const delays = Array.from({ length: 100 }, (_, i) => guess(failed, `name ${i}`, '10.0.0.1'));
    expect(delays.slice(0, 13)).toEqual([...Array(11).fill(0), 200, 400]);
    expect(delays.at(-1)).toBe(5_000);
    expect(failed.attempted('known', '10.0.0.1', true)).toBe(0);
    expect(failed.attempted('new', '10.0.0.1', true)).toBe(5_000);
    failed.waited('new', '10.0.0.1', true);
    expect(failed.attempted('new', '10.0.0.1', true)).toBe(0);
  });

  test('the owner of one account guesses at others no faster for it', () => {
    const failed = new FailedLogins();
    const delays = Array.from({ length: 100 }, (_, i) => {
      expect(failed.attempted('own', '10.0.0.1', true)).toBe(0);
      return guess(failed, `name ${i}`, '10.0.0.1');
    });
    expect(delays.at(-1)).toBe(5_000);
  });

  test('a stranger at the address of a principal that keeps logging in guesses no faster either', () => {
    const failed = new FailedLogins();
    const delays = Array.from({ length: 100 }, () => {
      if (failed.attempted('victim', '10.0.0.1', true) > 0) failed.waited('victim', '10.0.0.1', true);
      return guess(failed, 'victim', '10.0.0.1');
    });
    expect(delays.slice(0, 22)).toEqual([...Array(21).fill(0), 200]);
    expect(delays.at(-1)).toBe(5_000);
  });

  test('guesses at a principal from many addresses do not slow its owner at an address where the owner has logged in before', () => {
    const failed = new FailedLogins();
    expect(failed.attempted('app', '10.9.0.1', true)).toBe(0);
    for (let i = 0; i < 1_000; i++) guess(failed, 'app', `192.0.2.${i % 250}`);
    expect(failed.attempted('app', '10.9.0.1', true)).toBe(0);
    expect(failed.attempted('app', '10.9.0.2', true)).toBe(2_000); // from a new address: slowed, and let in
    failed.waited('app', '10.9.0.2', true);
    expect(failed.attempted('app', '10.9.0.2', true)).toBe(0);
  });

  test('a guesser who hangs up learns nothing by what the next attempts wait, whether this one was right or not', () => {
    const waits = (accepted: boolean) => {
      const failed = new FailedLogins();
      const all: number[] = [];
      for (let i = 0; i < 40; i++) {
        const isTried = i % 3 === 0;
        all.push(failed.attempted('app', '10.0.0.1', isTried && accepted && i > 3));
        // Before the tried one has ended, and behind that.
        for (const [name, address] of [
          ['app', '10.0.0.1'],
          ['app', '10.0.0.2'],
          ['other', '10.0.0.1'],
        ] as const)
          all.push(failed.attempted(name, address, false));
        if (isTried && accepted && i > 3) failed.waited('app', '10.0.0.1', false);
      }
      return all;
    };
    expect(waits(true)).toEqual(waits(false));
  });

  test('a /64 of IPv6 is one address', () => {
    const failed = new FailedLogins();
    for (let i = 0; i < 40; i++) guess(failed, `p${i}`, `2001:db8::${i.toString(16)}`);
    expect(guess(failed, 'app', '2001:db8::ffff:1:2:3')).toBe(5_000);
    expect(guess(failed, 'app', '2001:db8:0:1::1')).toBe(0);
  });
});

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['local', 'local'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8::7:8', '2001:db8:0:0::/64'],
  ['1:0:0:5::', '1:0:0:5::/64'],
  ['1::4:5:6:7:8', '1:0:0:4::/64'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'],
  ['64:ff9b::10.0.0.1', '64:ff9b:0:0::/64'],
])('addresses that count as one stranger: %s belongs to %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test('ULIDs: 26 characters, unique, in the order of their time', () => {
  const ids = Array.from({ length: 2_000 }, (_none, i) => newUlid(1_700_000_000_000 + i));
  expect(new Set(ids).size).toBe(2_000);
  expect([...ids].sort()).toEqual(ids);
  expect(ids.every((id) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(id))).toBe(true);
  // The example of the specification; of one millisecond the rest is random.
  const together = Array.from({ length: 2_000 }, () => newUlid(1_469_918_176_385));
  expect(together.every((id) => id.startsWith('01ARYZ6S41'))).toBe(true);
  expect(new Set(together).size).toBe(2_000);
});
