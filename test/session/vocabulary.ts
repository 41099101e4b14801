/** The messages of random conversations, each as a session gets it and as PostgreSQL gets it for comparison. */
import fc from 'fast-check';
import { B, CP, CS, D, DONE, DP, DS, E, FAIL, H, P, Q, S } from './messages.ts';

/** They differ only where a statement is refused, or cut off at a limit: the server gets one that fails, or fails at that row. */
export interface Step {
  readonly says: string;
  readonly session: Uint8Array;
  readonly server: Uint8Array;
  /** After it the client waits until all is answered; or until the last statement runs or has ended, and cancels it. */
  readonly does?: 'wait' | 'cancel';
}

const differs = (says: string, session: Uint8Array, server: Uint8Array): Step =>
  Object.assign({ says, session, server }, { [fc.toStringMethod]: () => says });
const both = (says: string, bytes: Uint8Array): Step => differs(says, bytes, bytes);

const REFUSED = 'select 1 /*refuse*/';
const FAILS = 'select nosuch';

const cancelled = (step: Step): Step => ({ ...step, does: 'cancel' });

/** Answers that tell the client that all before them is answered: no other messages give them in this order, whatever the state. */
export const ALL_ANSWERED = [...new Array<string>(5).fill('ReadyForQuery'), 'EmptyQueryResponse', 'ReadyForQuery'];
const settled: Step = { ...both('all answered', Buffer.concat([S(), S(), S(), S(), S(), Q('')])), does: 'wait' };

/** A text, and the text for the server in its place. */
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

/** Over a limit of nine changed rows, and failing there. */
const OVER_IN_CHANGES: Text[] = ['', ' returning a', ' returning a, a'].map((returning) => [
  `insert into u select i from generate_series(1, 12) i${returning}`,
  `insert into u select i / (i - 10) from generate_series(1, 12) i${returning}`,
]);

/** Rows of a COPY are shown until the limit is passed, in both. */
const OVER_IN_COPY: Text[] = OVER.slice(0, 1).map(([session, server]) => [
  `copy (${session}) to stdout`,
  `copy (${server}) to stdout`,
]);

/** New rows that are refused; at the server, a constraint of the table refuses them. */
const UNFIT: Text[] = [
  'insert into u values (99)',
  'insert into u select generate_series(88, 91) returning a',
  'insert into u values (1), (99) returning a',
].map((text) => [text, text.replace('into u', 'into v')]);

const overOf = (what: 'rows' | 'changes') => (what === 'rows' ? OVER : OVER_IN_CHANGES);

const number = fc.integer({ min: 1, max: 3 });
/** Two names that the server takes for one: it reads 63 bytes. */
const LONG = [`${'n'.repeat(63)}1`, `${'n'.repeat(63)}2`] as const;
const portal = fc.constantFrom('p', 'p', 'p', 'q', 'q', 'q', ...LONG);

interface Weighted<T> {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<T>;
}
const some = <T>(weight: number, of: readonly T[]): Weighted<T> => ({ weight, arbitrary: fc.constantFrom(...of) });

/** Texts for Parse: at most one statement, `$1` where it takes a value. */
const textsOf = ({ names, over, checks }: Vocabulary) =>
  fc.oneof(
    some(4, same('select $1::int', 'select a from t where a > $1::int', 'select generate_series(1, $1::int)')),
    some(3, same('insert into u values ($1::int)', 'insert into u values ($1::int) returning a')),
    some(2, same('begin', 'commit', 'rollback', 'savepoint s', 'rollback to s', 'release s')),
    some(2, same('', 'selec', 'select 1/(random()*0)::int', 'show search_path', 'insert into t values (1), (1)')),
    some(1, same(`prepare ${names[0]} as select 5`, `deallocate ${names[0]}`, `execute ${names[0]}`, 'deallocate all')),
    some(1, same('copy t to stdout', 'copy (select generate_series(1, 3)) to stdout', 'listen n', 'notify n')),
    ...(over ? [some(4, overOf(over))] : []),
    ...(over === 'rows' ? [some(1, OVER_IN_COPY)] : []),
    ...(checks === 'some unfit'
      ? [some(3, UNFIT), some(2, same('update u set a = a + 1', 'update u set a = a + 1 returning a, a'))]
      : []),
  );

const queriesOf = ({ names: [a, b], over, checks }: Vocabulary) =>
  fc.oneof(
    some(3, same('select 1', 'insert into u values (7)', 'insert into u values (8) returning a')),
    some(4, same('begin', 'commit', 'rollback', 'savepoint s', 'rollback to s')),
    some(2, same('select 1; select 2', 'insert into u values (9); select 1', 'select 1; insert into u values (10)')),
    some(1, same('begin; select 1', 'insert into t values (1), (1)', ';', 'insert into t values (2), (2); select 1')),
    some(1, same('selec', 'select 1/0', 'select 1; select 1/0; insert into u values (11)', 'set work_mem = 4096')),
    some(2, same(`prepare ${a} as select 5`, `prepare ${b} as select a from t`, `execute ${a}`, `execute ${b}`)),
    some(1, same(`deallocate ${a}`, 'deallocate all', 'discard all')),
    some(2, same('declare c cursor for select generate_series(1, 3)', 'fetch 2 from c', 'close c')),
    some(
      1,
      same('declare h cursor with hold for select generate_series(1, 3)', 'fetch 2 from h', 'move 1 in h', 'close h'),
    ),
    some(1, same('copy t to stdout', 'copy (select generate_series(1, 3)) to stdout', 'copy t to stdout; select 1')),
    some(1, same('listen n', 'notify n', 'unlisten *', 'begin; notify n', 'notify n; select 1')),
    ...(over ? [some(4, overOf(over)), some(2, overOf(over).map(behind)), some(2, overOf(over).map(before))] : []),
    ...(over === 'rows' ? [some(1, OVER_IN_COPY)] : []),
    ...(checks === 'some unfit'
      ? [
          some(3, UNFIT),
          some(1, UNFIT.map(behind)),
          some(1, UNFIT.map(before)),
          some(
            2,
            same(`prepare ${a} as insert into u values (7)`, `prepare ${b} as insert into u values (8) returning a`),
          ),
          some(
            1,
            UNFIT.map(([session, server]): Text => [`prepare ${a} as ${session}`, `prepare ${a} as ${server}`]),
          ),
          some(2, same(`execute ${a}`, `execute ${b}`)),
        ]
      : []),
  );

const behind = ([session, server]: Text): Text => [
  `insert into u values (13); ${session}`,
  `insert into u values (13); ${server}`,
];
const before = ([session, server]: Text): Text => [
  `${session}; insert into u values (14)`,
  `${server}; insert into u values (14)`,
];

/** A client's messages after a COPY FROM STDIN, up to its end: good lines and bad ones, in one piece or several. */
const copyData = fc
  .tuple(
    fc.array(fc.constantFrom('1\n', '2\n3\n', '4', '5\n6', '\n', 'x\n', '\\.\n'), { maxLength: 3 }),
    fc.constantFrom(DONE, DONE, DONE, FAIL),
  )
  .map(([pieces, end]) => [
    ...pieces.map((piece) => both(`D(${JSON.stringify(piece)})`, D(piece))),
    both(end === DONE ? 'DONE' : 'FAIL', end),
  ]);

const COPY_IN = 'copy u from stdin';
const SLEEP = 'select pg_sleep(20)';

/** COPY FROM STDIN in both protocols, several in one message, and messages of COPY where there is none. */
const copies: fc.Arbitrary<readonly Step[]> = fc.oneof(
  {
    weight: 3,
    arbitrary: copyData.map((data) => [both(`Q(${COPY_IN})`, Q(COPY_IN)), ...data]),
  },
  {
    weight: 2,
    arbitrary: copyData.map((data) => [
      both(`P(${COPY_IN})`, P(COPY_IN)),
      both('B', B()),
      both('E', E()),
      ...data,
      both('S', S()),
    ]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(copyData, copyData)
      .map(([one, other]) => [both(`Q(${COPY_IN}; ${COPY_IN})`, Q(`${COPY_IN}; ${COPY_IN}`)), ...one, ...other]),
  },
  { weight: 1, arbitrary: copyData },
);

/** Statements that are cancelled while they run, or that had no reason to run. */
const cancels: fc.Arbitrary<readonly Step[]> = fc.constantFrom(
  [settled, cancelled(both(`Q(${SLEEP})`, Q(SLEEP)))],
  // Under a name of its own: whatever runs the unnamed statement later would sleep on.
  [
    settled,
    both("CS('sleep')", CS('sleep')),
    both(`P(${SLEEP} as 'sleep')`, P(SLEEP, 'sleep')),
    both("B('sleep')", B([], '', 'sleep')),
    both('E', E()),
    cancelled(both('S', S())),
  ],
  [settled, cancelled(both(`Q(insert; ${SLEEP})`, Q(`insert into u values (15); ${SLEEP}`)))],
  [settled, cancelled(both('Q(copy sleep)', Q(`copy (${SLEEP}) to stdout`)))],
  [settled, cancelled(both(`Q(${COPY_IN})`, Q(COPY_IN))), both('D(1)', D('1\n')), both('DONE', DONE)],
  [settled, cancelled(both('S', S()))],
);

const UNDONE = both('Q(rollback)', Q('rollback'));

export interface Vocabulary {
  /** Names for PREPARE and EXECUTE in SQL. */
  readonly names: readonly [string, string];
  /** Statements over the limit among them: of rows that are returned, or that are changed. */
  readonly over?: 'rows' | 'changes';
  /**
   * Tokens of people are set, and `WHO` says how many rows each of them sees. `never unset`: the session has an end user at all times, so that WHO
   * can follow the end of a transaction in one message. Without an end user nothing of that message would run, while the server runs what comes
   * before WHO.
   */
  readonly tokens?: 'now and then' | 'never unset';
  /** New rows are judged: all pass, or some do not. */
  readonly checks?: 'all fit' | 'some unfit';
}

/**
 * To the server a token is a setting of its own, and who it is a function that is read while a statement is planned: so it fails, and
 * tells, at the same message.
 */
const setTo = (...people: string[]): Text[] =>
  ['set', 'set local'].flatMap((set) =>
    people.map((who): Text => [`${set} rowgate.token = '${who}'`, `${set} app.who = '${who}'`]),
  );

/** Goes in one message with statements that need an end user: without one nothing of the message runs, while the server runs what comes before. */
const SET_USER = setTo('1', '2', '3');
const SETS: Text[] = [
  ...SET_USER,
  ['reset rowgate.token', 'reset app.who'],
  ['set local rowgate.token to default', 'set local app.who to default'],
  ['set rowgate.token to default', 'set app.who to default'],
  ['reset all', 'reset all'],
  // This token names no end user.
  ["set rowgate.token = 'forged'", "set work_mem = 'forged'"],
];
const CONTROL = [
  'begin',
  'commit',
  'rollback',
  'savepoint s',
  'savepoint t',
  'rollback to s',
  'rollback to t',
  'release s',
];
const WHO: Text = ['select generate_series(1, :who)', 'select generate_series(1, who())'];

const together = (...texts: Text[]): Text => [
  texts.map(([one]) => one).join('; '),
  texts.map(([, one]) => one).join('; '),
];

/**
 * Whose rows are seen after a message has changed the setting and the transaction. WHO comes directly behind the last control: a limited query with
 * more statements before it would have to be undone with them.
 */
const WHO_AFTER_CONTROL: Weighted<Text> = {
  weight: 6,
  arbitrary: fc
    .tuple(
      fc.array(fc.oneof(some(2, SET_USER), some(2, same(...CONTROL))), { maxLength: 4 }),
      fc.constantFrom(...same(...CONTROL)),
    )
    .map(([texts, control]) => together(...texts, control, WHO)),
};

/** In both protocols, by themselves and several in one message. */
const tokensOf = (when: Vocabulary['tokens']): fc.Arbitrary<readonly Step[]> =>
  fc
    .record({
      text: fc.oneof(
        some(4, SETS),
        ...(when === 'never unset' ? [WHO_AFTER_CONTROL] : [some(1, setTo(''))]),
        some(4, same(...CONTROL)),
        some(5, [WHO]),
        some(
          2,
          SET_USER.map((set) => together(set, WHO)),
        ),
        some(
          1,
          SET_USER.map((set) => together(['begin', 'begin'], set, WHO)),
        ),
        some(
          1,
          SET_USER.map((set) => together(set, ['select 1/0', 'select 1/0'])),
        ),
        some(1, same('select 1/0')),
      ),
      query: fc.boolean(),
      syncs: fc.boolean(),
    })
    .map(({ text: [session, server], query, syncs }) => {
      if (query || session.includes(';')) return [both('S', S()), differs(`Q(${session})`, Q(session), Q(server))];
      return [
        differs(`P(${session})`, P(session), P(server)),
        both('B', B()),
        both('E', E()),
        ...(syncs ? [both('S', S())] : []),
      ];
    });

function messagesOf(vocabulary: Vocabulary): fc.Arbitrary<readonly Step[]> {
  const { names, over } = vocabulary;
  const texts = textsOf(vocabulary);
  // A write that is cut off only at its limit differs, by then, from one that failed at once.
  const rows = over ? fc.constantFrom(0, over === 'rows' ? 4 : 20) : fc.constantFrom(0, 0, 1, 2);
  const defined = fc.constantFrom('', '', '', 'a', 'a', 'b', 'b', ...LONG);
  const named = fc.constantFrom('', '', 'a', 'a', 'b', 'b', ...names, ...LONG);
  const one = (weight: number, arbitrary: fc.Arbitrary<Step>): Weighted<readonly Step[]> => ({
    weight,
    arbitrary: arbitrary.map((step) => [step]),
  });
  return fc.oneof(
    one(
      4,
      queriesOf(vocabulary).map(([session, server]) => differs(`Q(${session})`, Q(session), Q(server))),
    ),
    one(1, fc.constant(differs('Q(refused)', Q(REFUSED), Q(FAILS)))),
    // A text that does not parse replaces the refused one: nothing of the message runs, as nothing of ours does.
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
    // In a failed transaction a checked write, which the server takes for one with a result, is described by 25P02: known, and of no matter.
    {
      weight: 1,
      arbitrary: named.map((of) => [...(vocabulary.checks ? [UNDONE] : []), both(`DS('${of}')`, DS(of))]),
    },
    ...(vocabulary.checks
      ? []
      : [
          one(
            1,
            portal.map((of) => both(`DP(${of})`, DP(of))),
          ),
        ]),
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
    ...(vocabulary.tokens ? [{ weight: 40, arbitrary: tokensOf(vocabulary.tokens) }] : []),
    { weight: 2, arbitrary: copies },
    { weight: 1, arbitrary: cancels },
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
  const always = vocabulary.tokens !== undefined;
  return fc.array(messagesOf(vocabulary), { minLength: 2, maxLength: 24 }).map((steps) => synced(steps.flat(), always));
}

/**
 * A Query that is sent in another form ends what extended messages before it, without Sync, have begun, where PostgreSQL may stay in
 * its implicit transaction: no driver sends that, so a Sync is put between. `always`: before each Query, since PostgreSQL 18 loses what SET has
 * set there, and says so by an internal error (XX000).
 */
function synced(steps: readonly Step[], always: boolean): Step[] {
  let open = false;
  return steps.flatMap((step) => {
    const query = step.says.startsWith('Q(');
    const apart = open && query && (always || /returning|execute|;|copy|listen|notify/.test(step.says));
    open = query || step.says === 'S' || step.does === 'wait' ? false : open || step.says !== 'H';
    return apart ? [both('S', S()), step] : [step];
  });
}
