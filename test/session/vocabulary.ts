/** The words of random conversations: messages, each as a session gets it and as PostgreSQL gets it for comparison. */
import fc from 'fast-check';
import { B, CP, CS, DP, DS, E, H, P, Q, S } from './messages.ts';

/** They differ only where a statement is refused, or cut off at a limit: the server gets one that fails, or fails at that row. */
export interface Step {
  readonly says: string;
  readonly session: Uint8Array;
  readonly server: Uint8Array;
}

const differs = (says: string, session: Uint8Array, server: Uint8Array): Step =>
  Object.assign({ says, session, server }, { [fc.toStringMethod]: () => says });
const both = (says: string, bytes: Uint8Array): Step => differs(says, bytes, bytes);

const REFUSED = 'select 1 /*refuse*/';
const FAILS = 'select nosuch';

/** A text, and what stands for it with the server. */
type Text = readonly [session: string, server: string];
const same = (...texts: string[]): Text[] => texts.map((text) => [text, text]);

/** Over a limit of three rows, and failing behind three rows. */
const OVER: Text[] = [
  [
    'select i from generate_series(1, 5) i',
    'select case when i <= 3 then i else i / (i - i) end from generate_series(1, 5) i',
  ],
  [
    'insert into u select i from generate_series(1, 5) i returning a',
    'insert into u select case when i <= 3 then i else i / (i - i) end from generate_series(1, 5) i returning a',
  ],
];

const number = fc.integer({ min: 1, max: 3 });
const portal = fc.constantFrom('p', 'q');

interface Weighted<T> {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<T>;
}
const some = <T>(weight: number, of: readonly T[]): Weighted<T> => ({ weight, arbitrary: fc.constantFrom(...of) });

/** Texts for Parse: at most one statement, `$1` where it takes a value. */
const textsOf = (names: readonly [string, string], over: boolean) =>
  fc.oneof(
    some(4, same('select $1::int', 'select a from t where a > $1::int', 'select generate_series(1, $1::int)')),
    some(3, same('insert into u values ($1::int)', 'insert into u values ($1::int) returning a')),
    some(2, same('begin', 'commit', 'rollback', 'savepoint s', 'rollback to s', 'release s')),
    some(2, same('', 'selec', 'select 1/(random()*0)::int', 'show search_path', 'insert into t values (1), (1)')),
    some(1, same(`prepare ${names[0]} as select 5`, `deallocate ${names[0]}`, `execute ${names[0]}`, 'deallocate all')),
    ...(over ? [some(4, OVER)] : []),
  );

const queriesOf = ([a, b]: readonly [string, string], over: boolean) =>
  fc.oneof(
    some(3, same('select 1', 'insert into u values (7)', 'insert into u values (8) returning a')),
    some(4, same('begin', 'commit', 'rollback', 'savepoint s', 'rollback to s')),
    some(2, same('select 1; select 2', 'insert into u values (9); select 1', 'select 1; insert into u values (10)')),
    some(1, same('begin; select 1', 'insert into t values (1), (1)', '', 'insert into t values (2), (2); select 1')),
    some(1, same('selec', 'select 1/0', 'select 1; select 1/0; insert into u values (11)', 'set work_mem = 4096')),
    some(2, same(`prepare ${a} as select 5`, `prepare ${b} as select a from t`, `execute ${a}`, `execute ${b}`)),
    some(1, same(`deallocate ${a}`, 'deallocate all', 'discard all')),
    some(2, same('declare c cursor for select generate_series(1, 3)', 'fetch 2 from c', 'close c')),
    ...(over ? [some(4, OVER), some(2, OVER.map(behind)), some(2, OVER.map(before))] : []),
  );

const behind = ([session, server]: Text): Text => [
  `insert into u values (13); ${session}`,
  `insert into u values (13); ${server}`,
];
const before = ([session, server]: Text): Text => [
  `${session}; insert into u values (14)`,
  `${server}; insert into u values (14)`,
];

export interface Vocabulary {
  /** Names for PREPARE and EXECUTE in SQL. */
  readonly names: readonly [string, string];
  /** Statements over the limit among them. */
  readonly over: boolean;
}

function messagesOf({ names, over }: Vocabulary): fc.Arbitrary<readonly Step[]> {
  const texts = textsOf(names, over);
  // A write that is cut off only at its limit differs, by then, from one that failed at once.
  const rows = over ? fc.constantFrom(0, 4) : fc.constantFrom(0, 0, 1, 2);
  const defined = fc.constantFrom('', 'a', 'b');
  const named = fc.constantFrom('', 'a', 'b', ...names);
  const one = (weight: number, arbitrary: fc.Arbitrary<Step>): Weighted<readonly Step[]> => ({
    weight,
    arbitrary: arbitrary.map((step) => [step]),
  });
  return fc.oneof(
    one(
      4,
      queriesOf(names, over).map(([session, server]) => differs(`Q(${session})`, Q(session), Q(server))),
    ),
    one(1, fc.constant(differs('Q(refused)', Q(REFUSED), Q(FAILS)))),
    // What does not parse stands for the refused one: nothing of the message runs, as nothing of ours does.
    one(
      1,
      fc
        .constantFrom('rollback', 'insert into u values (12)')
        .map((first) => differs(`Q(${first}; refused)`, Q(`${first}; ${REFUSED}`), Q(`${first}; nosuch`))),
    ),
    one(
      5,
      fc
        .tuple(texts, defined)
        .map(([[session, server], to]) => differs(`P(${session} as '${to}')`, P(session, to), P(server, to))),
    ),
    one(
      1,
      defined.map((to) => differs(`P(refused as '${to}')`, P(REFUSED, to), P(FAILS, to))),
    ),
    one(
      4,
      fc
        .tuple(portal, named, fc.option(number))
        .map(([to, of, value]) =>
          both(`B(${to} of '${of}' ${value ?? ''})`, B(value === null ? [] : [String(value)], to, of)),
        ),
    ),
    one(
      1,
      named.map((of) => both(`DS('${of}')`, DS(of))),
    ),
    one(
      1,
      portal.map((of) => both(`DP(${of})`, DP(of))),
    ),
    one(
      4,
      fc.tuple(portal, rows).map(([of, most]) => both(`E(${of} ${most})`, E(of, most))),
    ),
    one(
      1,
      named.map((of) => both(`CS('${of}')`, CS(of))),
    ),
    one(
      1,
      portal.map((of) => both(`CP(${of})`, CP(of))),
    ),
    one(4, fc.constant(both('S', S()))),
    one(1, fc.constant(both('H', H()))),
    // As drivers send it. The unnamed portal is only ever run right behind its Bind: anything else can crash PostgreSQL 18.4.
    {
      weight: 6,
      arbitrary: fc
        .tuple(texts, number, rows)
        .map(([[session, server], value, most]) => [
          differs(`P(${session})`, P(session), P(server)),
          both('B', B(session.includes('$1') ? [String(value)] : [])),
          both('DP', DP()),
          both(`E(${most})`, E('', most)),
          both('S', S()),
        ]),
    },
  );
}

export function conversations(vocabulary: Vocabulary): fc.Arbitrary<readonly Step[]> {
  return fc.array(messagesOf(vocabulary), { minLength: 2, maxLength: 24 }).map((steps) => synced(steps.flat()));
}

/**
 * A Query that is sent in another form ends what extended messages before it, without Sync, have begun, where PostgreSQL may stay in
 * its implicit transaction: no driver sends that, so a Sync is put between.
 */
function synced(steps: readonly Step[]): Step[] {
  let open = false;
  return steps.flatMap((step) => {
    const query = step.says.startsWith('Q(');
    const apart = open && query && /returning|execute|;/.test(step.says);
    open = query || step.says === 'S' ? false : open || step.says !== 'H';
    return apart ? [both('S', S()), step] : [step];
  });
}
