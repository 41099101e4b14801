/** The guard's own metrics: name, meaning and value of each. deploy/metrics.md shows them as a table. */
import type { Aggregator } from 'prom-client';
import type { Counts } from './counts.ts';
import { BOUNDS, type Distribution } from './distribution.ts';
import type { ProcessTally, RoleTally } from './tally.ts';

/** The sources of the metrics. */
export interface Figures {
  readonly tally: ProcessTally;
  /** The open sessions. */
  readonly sessions: Iterable<{ readonly role: string; activity(): string }>;
  readonly disabledRoles: number;
  readonly withheld: number;
  readonly certificateValidUntil: Date | undefined;
  readonly revocationListsValidUntil: Date | undefined;
  /** By how much the clock of the state store is ahead of this host's; undefined until it is known. */
  readonly clockOffsetMs: number | undefined;
  /** Principals with a login that will soon expire. */
  readonly ending: readonly { readonly name: string; readonly validUntil: number }[];
  readonly ready: boolean;
  readonly version: string;
  readonly forwarded: readonly ForwardLag[];
}

/** How far a log collector is behind. */
export interface ForwardLag {
  readonly to: string;
  /** Age of the oldest record that the collector has not accepted. */
  readonly seconds: number;
}

type Labels = Readonly<Record<string, string | number>>;

interface Value {
  readonly labels: Labels;
  readonly value: number;
  /** For the series of a histogram, which have names of their own. */
  readonly metricName?: string;
}

/** A metric and its values in prom-client's format: plain data, which a worker can send to the primary. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  /** How to aggregate the values of several processes. */
  readonly aggregator: Aggregator;
  readonly values: readonly Value[];
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly aggregator: Aggregator;
  values(figures: Figures, name: string): Value[];
}

export const METRICS: readonly Metric[] = [
  gauge('rowgate_ready', 'Whether clients are welcome: 1, or 0 as /readyz tells.', [], 'min', ({ ready }) =>
    single(Number(ready)),
  ),
  gauge('rowgate_workers', 'Processes that serve clients.', [], 'sum', () => single(1)),
  gauge('rowgate_build_info', 'Always 1; the version of Rowgate.', ['version'], 'max', ({ version }) => [
    { labels: { version }, value: 1 },
  ]),
  gauge('rowgate_sessions', 'Sessions that are open now.', ['role', 'activity'], 'sum', openSessions),
  counter(
    'rowgate_logins_total',
    'Logins that became a session.',
    ['role'],
    ofRoles((role) => role.logins),
  ),
  counter('rowgate_login_failures_total', 'Logins that were refused, of clients that named a user.', ['reason'], (f) =>
    counted(f.tally.loginFailures, (reason) => ({ reason })),
  ),
  counter(
    'rowgate_turned_away_total',
    'Connections that were ended before they named a user: noise on the port, or too many at once.',
    ['reason'],
    (f) => counted(f.tally.turnedAway, (reason) => ({ reason })),
  ),
  counter(
    'rowgate_upstream_failures_total',
    'Sessions for which the database server could not be reached, or refused.',
    ['sqlstate'],
    ({ tally }) => counted(tally.upstreamFailures, (sqlstate) => ({ sqlstate })),
  ),
  counter(
    'rowgate_statements_total',
    'Statements decided upon.',
    ['role', 'effect', 'reason'],
    eachRole((role, tally) =>
      counted(tally.statements, (words) => {
        const [effect = '', reason = ''] = words.split(' ');
        return { role, effect, reason };
      }),
    ),
  ),
  counter(
    'rowgate_observed_statements_total',
    'Statements of roles in observe mode, by the effect that enforcing would have had.',
    ['role', 'would'],
    eachRole((role, tally) => counted(tally.observed, (would) => ({ role, would }))),
  ),
  counter(
    'rowgate_outcomes_total',
    'Statements by what became of them.',
    ['role', 'status'],
    eachRole((role, tally) => counted(tally.outcomes, (status) => ({ role, status }))),
  ),
  counter(
    'rowgate_limit_overruns_total',
    'Statements that ran into a limit.',
    ['role', 'limit'],
    eachRole((role, tally) => counted(tally.overruns, (limit) => ({ role, limit }))),
  ),
  counter(
    'rowgate_rows_total',
    'Rows that went to clients.',
    ['role'],
    ofRoles((role) => role.rows),
  ),
  counter(
    'rowgate_bytes_total',
    'Bytes of rows and COPY data that went to clients.',
    ['role'],
    ofRoles((r) => r.bytes),
  ),
  counter(
    'rowgate_copy_bytes_total',
    'Of these, the bytes of COPY data.',
    ['role'],
    ofRoles((role) => role.copyBytes),
  ),
  counter(
    'rowgate_changed_rows_total',
    'Rows that writes changed.',
    ['role'],
    ofRoles((role) => role.changed),
  ),
  counter(
    'rowgate_people_total',
    'Data subjects whom statements named, each once in each of them.',
    ['role', 'subject'],
    ofSubjects((role) => role.people),
  ),
  counter(
    'rowgate_questions_total',
    'Statements that asked about data subjects and told nothing else of them, or failed.',
    ['role', 'subject'],
    ofSubjects((role) => role.questions),
  ),
  counter(
    'rowgate_values_total',
    'Values of 8 bytes about data subjects who were not named.',
    ['role', 'subject'],
    ofSubjects((role) => role.values),
  ),
  histogram(
    'rowgate_decision_seconds',
    'How long the guard took to judge a text; remembered: one that it had judged before.',
    ['remembered'],
    ({ tally }, name) => [
      ...spread(name, { remembered: 'no' }, tally.judgedAnew),
      ...spread(name, { remembered: 'yes' }, tally.judgedFromMemory),
    ],
  ),
  histogram(
    'rowgate_server_seconds',
    'From the decision to the last answer of the server; a client that reads slowly is in it.',
    ['role'],
    ({ tally }, name) => [...tally.roles].flatMap(([role, { serverTime }]) => spread(name, { role }, serverTime)),
  ),
  counter(
    'rowgate_plans_total',
    'Plans of statements that came again: prepared at the server, reused for another run, dropped.',
    ['event'],
    ({ tally }) => counted(tally.plans, (event) => ({ event })),
  ),
  gauge('rowgate_policy_info', 'Always 1; the policy in force.', ['hash'], 'max', ({ tally }) =>
    tally.policyHash === undefined ? [] : [{ labels: { hash: tally.policyHash }, value: 1 }],
  ),
  counter('rowgate_policy_readings_total', 'Readings of the policies, at start and since.', ['result'], ({ tally }) =>
    counted(tally.readings, (result) => ({ result })),
  ),
  gauge(
    'rowgate_policy_last_reading_ok',
    'Whether the last reading of the policies had no error: 1, or 0.',
    [],
    'min',
    ({ tally }) => (tally.lastReading ? single(Number(tally.lastReading.ok)) : []),
  ),
  gauge(
    'rowgate_policy_last_reading_timestamp_seconds',
    'When the policies were last read, since 1970.',
    [],
    'min',
    ({ tally }) => (tally.lastReading ? single(tally.lastReading.at / 1000) : []),
  ),
  gauge('rowgate_disabled_roles', 'Roles that are closed because of an error in them.', [], 'max', (figures) =>
    single(figures.disabledRoles),
  ),
  gauge(
    'rowgate_withheld',
    'Relations, columns and functions that the policy names and withholds, as the database does not have them or they do not fit.',
    [],
    'max',
    ({ withheld }) => single(withheld),
  ),
  gauge(
    'rowgate_certificate_expiry_timestamp_seconds',
    'Until when the certificate that clients are shown is valid, since 1970.',
    [],
    'min',
    ({ certificateValidUntil: until }) => (until ? single(until.getTime() / 1000) : []),
  ),
  gauge(
    'rowgate_revocation_list_expiry_timestamp_seconds',
    'Until when the revocation list of client certificates that runs out first is valid, since 1970.',
    [],
    'min',
    ({ revocationListsValidUntil: until }) => (until ? single(until.getTime() / 1000) : []),
  ),
  gauge(
    'rowgate_principal_valid_until_timestamp_seconds',
    'Until when a principal may log in, since 1970: for those with a `valid_until` within 30 days.',
    ['principal'],
    'min',
    ({ ending }) => ending.map(({ name, validUntil }) => ({ labels: { principal: name }, value: validUntil / 1000 })),
  ),
  gauge(
    'rowgate_state_clock_offset_seconds',
    'By how much the clock of the state is ahead of the host’s own; below 0: behind. An alarm beyond a minute.',
    [],
    'max',
    ({ clockOffsetMs }) => (clockOffsetMs === undefined ? [] : single(clockOffsetMs / 1000)),
  ),
  counter('rowgate_decision_log_failures_total', 'Records that could not be written.', [], ({ tally }) =>
    single(tally.unwritten),
  ),
  gauge(
    'rowgate_forward_lag_seconds',
    'Age of the oldest record of the decision log that a collector has not taken; 0 where it has them all.',
    ['to'],
    'max',
    ({ forwarded }) => lagsOf(forwarded),
  ),
];

/** For a process that forwards the logs of several others. */
export function forwardFamilies(forwarded: readonly ForwardLag[]): MetricFamily[] {
  return METRICS.filter(({ name }) => name === 'rowgate_forward_lag_seconds').map(
    ({ name, help, type, aggregator }) => ({ name, help, type, aggregator, values: lagsOf(forwarded) }),
  );
}

/** All metrics with their current values. */
export function families(figures: Figures): MetricFamily[] {
  return METRICS.map(({ name, help, type, aggregator, values }) => ({
    name,
    help,
    type,
    aggregator,
    values: values(figures, name),
  }));
}

type Values = Metric['values'];

function counter(name: string, help: string, labels: readonly string[], values: Values): Metric {
  return { name, help, type: 'counter', labels, aggregator: 'sum', values };
}

function gauge(name: string, help: string, labels: readonly string[], aggregator: Aggregator, values: Values): Metric {
  return { name, help, type: 'gauge', labels, aggregator, values };
}

function histogram(name: string, help: string, labels: readonly string[], values: Values): Metric {
  return { name, help, type: 'histogram', labels, aggregator: 'sum', values };
}

function lagsOf(forwarded: readonly ForwardLag[]): Value[] {
  return forwarded.map(({ to, seconds }) => ({ labels: { to }, value: seconds }));
}

function single(value: number): Value[] {
  return [{ labels: {}, value }];
}

function eachRole(values: (role: string, tally: RoleTally) => Value[]): Values {
  return ({ tally }) => [...tally.roles].flatMap(([name, role]) => values(name, role));
}

function ofRoles(value: (role: RoleTally) => number): Values {
  return eachRole((role, tally) => [{ labels: { role }, value: value(tally) }]);
}

function ofSubjects(counts: (role: RoleTally) => Counts): Values {
  return eachRole((role, tally) => counted(counts(tally), (subject) => ({ role, subject })));
}

function counted(counts: Counts, labels: (word: string) => Labels): Value[] {
  return [...counts.entries()].map(([word, value]) => ({ labels: labels(word), value }));
}

function spread(name: string, labels: Labels, distribution: Distribution): Value[] {
  const cumulative = distribution.cumulative();
  const buckets = cumulative.map((value, index) => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le: BOUNDS[index] ?? '+Inf' },
    value,
  }));
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: distribution.sum },
    { metricName: `${name}_count`, labels, value: cumulative.at(-1) ?? 0 },
  ];
}

const ACTIVITIES = ['idle', 'active', 'in-transaction', 'failed-transaction'];

/** Includes a zero for every role seen before: a series that comes and goes would leave gaps in a graph. */
function openSessions({ tally, sessions }: Figures): Value[] {
  const open = new Map<string, number>();
  for (const role of tally.roles.keys()) for (const activity of ACTIVITIES) open.set(`${activity} ${role}`, 0);
  for (const session of sessions) {
    const key = `${session.activity()} ${session.role}`;
    open.set(key, (open.get(key) ?? 0) + 1);
  }
  return [...open].map(([key, value]) => {
    const space = key.indexOf(' ');
    return { labels: { role: key.slice(space + 1), activity: key.slice(0, space) }, value };
  });
}
