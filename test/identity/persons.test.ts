/** Tests how the end user of a session's token is found: asked for at each statement, answered at once where it is known. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionEndUsers } from '../../src/identity/session-end-users.ts';
import type { AttributeType, Principal, RolePolicy } from '../../src/policy/model/policy.ts';
import type { TokenRule } from '../../src/policy/model/token-rule.ts';
import type { EndUser } from '../../src/session/end-user/end-user.ts';
import type { SessionPolicy } from '../../src/session/session-policy.ts';
import { keySet, makeKey, NOW_S, ruleOf, token } from './issuer.ts';
import { makeWorld, type World } from './world.ts';

const key = makeKey('EdDSA');
const other = makeKey('EdDSA', 'other');
const OIDS: Readonly<Record<string, number>> = {
  integer: 23,
  bigint: 20,
  text: 25,
  uuid: 2950,
  date: 1082,
  boolean: 16,
  'integer[]': 1007,
  'text[]': 1009,
};

function attribute(name: string, type: string, fromToken = true): AttributeType {
  return { name, type, typeOid: OIDS[type] ?? 0, fromToken };
}

function policyOf(
  rule: TokenRule | undefined,
  attributes: readonly AttributeType[] = [],
  own: Record<string, string> = {},
): SessionPolicy {
  return {
    role: { attributes: new Map(attributes.map((of) => [of.name, of])) } as unknown as RolePolicy,
    principal: { attributes: new Map(Object.entries(own)), ...(rule && { token: rule }) } as unknown as Principal,
    hash: 'sha256:1',
    judge: () => {
      throw new Error('nothing is judged here');
    },
  };
}

let world: World;
let woken = 0;
const wakers: (() => void)[] = [];
let persons: SessionEndUsers;
const session = () =>
  new SessionEndUsers(
    world.verifier,
    () => world.clock.elapsed,
    () => {
      woken++;
      for (const go of wakers.splice(0)) go();
    },
  );
beforeEach(async () => {
  world = await makeWorld(keySet(key));
  woken = 0;
  persons = session();
});
afterEach(() => world.close());

const awake = () => new Promise<void>((go) => wakers.push(go));

/** Asks as a session does: again, whenever it is woken. */
async function ask(policy: SessionPolicy, text: string, of = persons): Promise<EndUser | string> {
  for (;;) {
    const answer = of.check(policy, text);
    if (answer === 'wait') await awake();
    else return 'refused' in answer ? answer.refused.message : answer;
  }
}

describe('a session waits for', () => {
  it('a new token, once', async () => {
    const policy = policyOf(ruleOf());
    const text = token(key);
    expect(persons.check(policy, text)).toBe('wait');
    expect(persons.check(policy, text)).toBe('wait');
    expect(woken).toBe(0);
    await awake();
    expect(woken).toBe(1);
    expect(persons.check(policy, text)).toEqual({ user: '7731', attributes: new Map(), shown: {} });
  });

  it('nothing, where another session has shown it', async () => {
    const policy = policyOf(ruleOf());
    const person = await ask(policy, token(key, { jti: '1' }));
    expect(session().check(policy, token(key, { jti: '1' }))).toBe(person);
  });

  it('a refusal is answered at once for a while, and then checked again', async () => {
    const policy = policyOf(ruleOf());
    const text = token(other);
    expect(await ask(policy, text)).toMatch(/does not publish/);
    expect(persons.check(policy, text)).toMatchObject({ refused: { reason: 'token-refused' } });
    await world.writeKeys(keySet(key, other));
    world.later(5_000);
    expect(persons.check(policy, text)).toBe('wait');
    await awake();
    expect(persons.check(policy, text)).toMatchObject({ user: '7731' });
  });

  it('the last of several tokens, whichever is verified first', async () => {
    const policy = policyOf(ruleOf());
    const [a, b] = [token(key, { sub: 'a' }), token(key, { sub: 'b' })];
    expect(persons.check(policy, a)).toBe('wait');
    expect(persons.check(policy, b)).toBe('wait');
    expect(await ask(policy, b)).toMatchObject({ user: 'b' });
    expect(await ask(policy, a)).toMatchObject({ user: 'a' });
  });
});

describe('the same end user', () => {
  it('is the same object while token, keys and policy hold', async () => {
    const policy = policyOf(ruleOf());
    const text = token(key);
    const person = await ask(policy, text);
    for (let n = 0; n < 10; n++) {
      world.later(1_000);
      await world.writeKeys(keySet(key));
      expect(await ask(policy, text)).toBe(person);
    }
    expect(await ask(policyOf(ruleOf()), text)).toEqual(person);
    expect(await ask(policyOf(ruleOf()), text)).not.toBe(person);
  });

  it('a reloaded rule with the same words knows its tokens', async () => {
    await ask(policyOf(ruleOf()), token(key, { jti: 'x' }));
    expect(persons.check(policyOf(ruleOf()), token(key, { jti: 'x' }))).toMatchObject({ user: '7731' });
  });

  it.each([
    ['issuer', { issuer: 'https://other.example' }],
    ['audience', { audience: ['other'] }],
    ['user', { user: 'email' }],
    ['require', { require: new Map([['groups', 'x']]) }],
    ['maxAge', { maxAge: 1000 }],
    ['keys', { keys: 'none.json' }],
  ] as const)('is refused by a rule with another %s', async (_, more) => {
    const text = token(key);
    expect(await ask(policyOf(ruleOf()), text)).toMatchObject({ user: '7731' });
    expect(await ask(policyOf(ruleOf(more)), text)).toMatch(/^the token /);
  });
});

describe('is refused from then on', () => {
  it('when the token has expired', async () => {
    const policy = policyOf(ruleOf());
    const text = token(key, { exp: NOW_S + 2 });
    expect(await ask(policy, text)).toMatchObject({ user: '7731' });
    world.later(31_000);
    expect(await ask(policy, text)).toMatchObject({ user: '7731' });
    world.later(1_000);
    expect(persons.check(policy, text)).toMatchObject({ refused: { message: 'the token has expired' } });
  });

  it('when the token is too old for the rule', async () => {
    const policy = policyOf(ruleOf({ maxAge: 120_000 }));
    const text = token(key);
    expect(await ask(policy, text)).toMatchObject({ user: '7731' });
    world.later(90_000);
    expect(await ask(policy, text)).toMatch(/expired|too long ago/);
  });

  it('when the key is gone', async () => {
    const policy = policyOf(ruleOf());
    const text = token(key);
    expect(await ask(policy, text)).toMatchObject({ user: '7731' });
    await world.writeKeys(keySet(other));
    world.later(3_000);
    expect(persons.check(policy, text)).toBe('wait');
    await awake();
    expect(await ask(policy, text)).toMatch(/does not publish/);
  });

  it('where the account takes no tokens', () => {
    expect(persons.check(policyOf(undefined), token(key))).toMatchObject({
      refused: { reason: 'token-refused', sqlstate: '28000', message: 'this account takes no tokens' },
    });
  });
});

describe('attributes', () => {
  it('are the principal’s own, and those that claims give', async () => {
    const attributes = [
      attribute('school_id', 'integer', false),
      attribute('teacher_id', 'bigint'),
      attribute('classes', 'integer[]'),
      attribute('names', 'text[]'),
    ];
    const rule = ruleOf({ claims: new Map([['teacher_id', 'https://id.example/teacher']]) });
    const claims = {
      'https://id.example/teacher': 88,
      classes: [1, '2'],
      names: ['a"b', 'c\\d', ''],
      teacher_id: 1,
      school_id: 5,
    };
    expect(await ask(policyOf(rule, attributes, { school_id: '12' }), token(key, claims))).toEqual({
      user: '7731',
      attributes: new Map([
        ['school_id', '12'],
        ['teacher_id', '88'],
        ['classes', '{"1","2"}'],
        ['names', '{"a\\"b","c\\\\d",""}'],
      ]),
      shown: { school_id: 12, teacher_id: 88, classes: [1, 2], names: ['a"b', 'c\\d', ''] },
    });
  });

  it.each([
    ['integer', 2147483647, '2147483647'],
    ['integer', -5, '-5'],
    ['integer', '12', '12'],
    ['bigint', 9007199254740991, '9007199254740991'],
    ['bigint', '9223372036854775807', '9223372036854775807'],
    ['text', "it's", "it's"],
    ['text', '', ''],
    ['uuid', '6ECD8C99-4036-403D-BF84-CF8400F67836', '6ecd8c99-4036-403d-bf84-cf8400f67836'],
    ['date', '2026-11-25', '2026-11-25'],
    ['boolean', false, 'false'],
    ['integer[]', [], '{}'],
  ])('%s takes %s', async (type, value, expected) => {
    const answer = await ask(policyOf(ruleOf(), [attribute('a', type)]), token(key, { a: value }));
    expect(answer).toMatchObject({ attributes: new Map([['a', expected]]) });
  });

  it.each([
    ['integer', undefined],
    ['integer', null],
    ['integer', 2147483648],
    ['integer', 1.5],
    ['integer', true],
    ['integer', '1 OR 1=1'],
    ['integer', '1.0'],
    ['integer', ''],
    ['integer', [1]],
    ['integer', { a: 1 }],
    ['bigint', 9007199254740992],
    ['bigint', '9223372036854775808'],
    ['bigint', 1e300],
    ['text', 5],
    ['text', true],
    ['text', 'a\0b'],
    ['text', 'a\ud800b'],
    ['uuid', '6ecd8c99'],
    ['date', '2026-02-30'],
    ['date', 'today'],
    ['boolean', 'true'],
    ['boolean', 1],
    ['integer[]', 5],
    ['integer[]', [[1]]],
    ['integer[]', [1, null]],
    ['integer[]', '{1,2}'],
    ['text[]', ['a', 5]],
  ])('%s does not take %j', async (type, value) => {
    expect(await ask(policyOf(ruleOf(), [attribute('a', type)]), token(key, { a: value }))).toBe(
      'the token has no claim that gives the attribute "a" of its type',
    );
  });

  it('are not those that objects have by birth', async () => {
    const answer = await ask(policyOf(ruleOf(), [attribute('constructor', 'text')]), token(key));
    expect(answer).toBe('the token has no claim that gives the attribute "constructor" of its type');
  });
});

it('forged tokens are not remembered', async () => {
  const policy = policyOf(ruleOf());
  const forged = Array.from({ length: 200 }, (_, n) => token(other, { jti: String(n) }));
  for (const text of forged) expect(await ask(policy, text)).toMatch(/does not publish/);
  expect(new Set(forged.map((text) => world.verifier.known(ruleOf(), text)))).toEqual(new Set([undefined]));
});

it('a known token costs less than two microseconds of processor time', async () => {
  const policy = policyOf(ruleOf());
  const text = token(key);
  await ask(policy, text);
  for (let n = 0; n < 10_000; n++) persons.check(policy, text);
  const before = process.cpuUsage();
  for (let n = 0; n < 200_000; n++) persons.check(policy, text);
  expect(process.cpuUsage(before).user / 200_000).toBeLessThan(2);
});
