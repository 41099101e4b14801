/** Now: the state of the guards, their traffic, who is near a limit, what is pending, and live decisions. */
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Now } from '../../api/now.ts';
import { ask } from '../api.ts';
import { type Filter, useLive } from '../live.ts';
import { Approve, type Exception, Refuse, Release } from '../parts/acting.tsx';
import { Chart } from '../parts/chart.tsx';
import { useColumns } from '../parts/columns.tsx';
import { LiveDecisions, LiveState } from '../parts/live-decisions.tsx';
import { Badge, Level, Panel, PrincipalLink, Tile } from '../parts/small.tsx';
import { Asked, Empty, ProblemNote } from '../parts/states.tsx';
import { type Column, DataTable } from '../parts/table.tsx';
import { Heading } from '../router.tsx';
import { useFormats, useMay } from '../session.tsx';

export function NowPage(): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const [filter, setFilter] = useState<Filter>({});
  const [isHeld, setHeld] = useState(false);
  const live = useLive(filter, isHeld);
  const first = useQuery({ queryKey: ['now'], queryFn: ({ signal }) => ask('now', { signal }) });
  const query = live.now ? { ...first, data: live.now, error: null } : first;
  return (
    <>
      <div className="row">
        <Heading title={t('nav now')} />
        <LiveState state={live.state} isHeld={false} />
        {query.data && <span className="soft">{t('as of', { time: formats.clock(query.data.time) })}</span>}
      </div>
      <Asked query={query as typeof first} tall>
        {(now) => <State now={now} />}
      </Asked>
      <Panel title={t('live title')}>
        <LiveDecisions live={live} isHeld={isHeld} hold={setHeld} filter={filter} choose={setFilter} />
      </Panel>
    </>
  );
}

function State({ now }: { readonly now: Now }): ReactNode {
  const { t } = useTranslation();
  return (
    <>
      <Tiles now={now} />
      <Rates rates={now.rates} />
      <div className="panels">
        <Panel title={t('now nearest')}>
          <Nearest now={now} />
        </Panel>
        <div className="column">
          <Panel title={t('now locks')}>
            <Locks now={now} />
          </Panel>
          <Panel title={t('now guards')}>
            <Guards now={now} />
          </Panel>
        </div>
      </div>
      <Panel title={t('now pending')}>
        <Exceptions now={now} />
      </Panel>
      <Panel title={t('now sessions')}>
        <Sessions now={now} />
      </Panel>
    </>
  );
}

/** What the guards that answer say, each line with the guard's name. */
function ofGuards<T>(now: Now, pick: (guard: GuardNow) => readonly T[]): (T & { readonly guard: string })[] {
  return now.guards.flatMap(({ name, now: part }) =>
    part.ok ? pick(part.value).map((each) => ({ ...each, guard: name })) : [],
  );
}

type GuardNow = Extract<Now['guards'][number]['now'], { readonly ok: true }>['value'];

const PENDING: ReadonlySet<string> = new Set(['requested', 'approved']);
const IN_FORCE: ReadonlySet<string> = new Set(['in force', 'open']);

/** Steps of the last minute. */
function lastMinute({ step, steps }: Now['rates']): { statements: number; rows: number; refused: number } {
  const count = Math.max(1, Math.round(60 / step));
  const sum = { statements: 0, rows: 0, refused: 0 };
  for (const rate of steps.slice(-count).flat()) {
    sum.statements += rate.statements;
    sum.rows += rate.rows;
    sum.refused += rate.refused;
  }
  const seconds = count * step;
  return { statements: sum.statements / seconds, rows: sum.rows / seconds, refused: sum.refused / seconds };
}

function Tiles({ now }: { readonly now: Now }): ReactNode {
  const { t } = useTranslation();
  const { number } = useFormats();
  const { statements, rows, refused } = lastMinute(now.rates);
  const locks = ofGuards(now, (guard) => guard.locks).length;
  const pending = exceptionsOf(now, '').filter(({ state }) => PENDING.has(state)).length;
  const gone = now.guards.filter(({ now: part }) => !part.ok).length;
  return (
    <dl className="tiles">
      <Tile term={t('tile statements')}>{number(statements)}</Tile>
      <Tile term={t('tile rows')}>{number(rows)}</Tile>
      <Tile term={t('tile refused')}>{number(refused)}</Tile>
      <Tile term={t('tile sessions')}>{number(ofGuards(now, (guard) => guard.sessions).length)}</Tile>
      <Tile term={t('tile pending')}>{number(pending)}</Tile>
      <Tile term={t('tile locks')} isBad={locks > 0}>
        {number(locks)}
      </Tile>
      <Tile term={t('tile guards')} isBad={gone > 0}>
        {t('used of', { used: number(now.guards.length - gone), of: number(now.guards.length) })}
      </Tile>
    </dl>
  );
}

const MEASURES = ['statements', 'rows', 'refused'] as const;
const MOST_ROLES = 5;

function Rates({ rates }: { readonly rates: Now['rates'] }): ReactNode {
  const { t } = useTranslation();
  const { clock, minute } = useFormats();
  const [measure, setMeasure] = useState<(typeof MEASURES)[number]>('statements');
  // The same numbers are fetched every two seconds: the chart is redrawn only if they differ.
  const key = JSON.stringify(rates);
  // biome-ignore lint/correctness/useExhaustiveDependencies: by their text.
  const { times, lines } = useMemo(() => {
    const sums = new Map<string, number>();
    for (const rate of rates.steps.flat()) sums.set(rate.role, (sums.get(rate.role) ?? 0) + rate[measure]);
    const roles = [...sums].sort(([, a], [, b]) => b - a).map(([role]) => role);
    const named = roles.slice(0, roles.length > MOST_ROLES + 1 ? MOST_ROLES : MOST_ROLES + 1);
    const perSecond = (step: Now['rates']['steps'][number], of: (role: string) => boolean): number =>
      step.reduce((sum, rate) => sum + (of(rate.role) ? rate[measure] : 0), 0) / rates.step;
    const lines = named.map((role) => ({
      name: role,
      values: rates.steps.map((step) => perSecond(step, (one) => one === role)),
    }));
    if (roles.length > named.length) {
      lines.push({
        name: t('other roles'),
        values: rates.steps.map((step) => perSecond(step, (one) => !named.includes(one))),
      });
    }
    const from = Date.parse(rates.from);
    return { times: rates.steps.map((_, at) => from + at * rates.step * 1000), lines };
  }, [key, measure, t]);
  return (
    <Panel
      title={t('rates title')}
      aside={
        <fieldset>
          <legend className="hidden">{t('rates measure')}</legend>
          {MEASURES.map((one) => (
            <label key={one} className="check">
              <input type="radio" name="measure" checked={one === measure} onChange={() => setMeasure(one)} />
              {t(`rates ${one}`)}
            </label>
          ))}
        </fieldset>
      }
    >
      <Chart
        label={t('rates label', { measure: t(`rates ${measure}`) })}
        times={times}
        lines={lines}
        clock={clock}
        tick={minute}
      />
      {Date.parse(rates.since) > Date.parse(rates.from) && (
        <p className="soft">{t('rates since', { time: clock(rates.since) })}</p>
      )}
    </Panel>
  );
}

type Nearness = Now['nearest'][number];

function Nearest({ now }: { readonly now: Now }): ReactNode {
  const { t } = useTranslation();
  const column = useColumns<Nearness>();
  const columns = useMemo(
    (): Column<Nearness>[] => [
      column.principal('principal', t('principal'), { isName: true }),
      column.text('name', t('limit')),
      { id: 'used', title: t('used'), by: (row) => row.used / row.of, cell: (row) => <Level {...row} /> },
      column.text('guard', t('guard')),
    ],
    [t, column],
  );
  return (
    <DataTable
      label={t('now nearest')}
      columns={columns}
      rows={now.nearest}
      keyOf={(row) => `${row.guard} ${row.principal} ${row.name}`}
      empty={t('now nearest none')}
    />
  );
}

interface ShownException extends Exception {
  readonly state: string;
  readonly holder: { readonly principal: string } | { readonly role: string };
  /** In words of the guard: `rows 5000 per hour`, tables. */
  readonly terms: string;
  readonly until: string;
  readonly reason: string;
  readonly requestedBy: string;
  readonly approvedBy: readonly string[];
  readonly needed: number | undefined;
}

function exceptionsOf(now: Now, observed: string): ShownException[] {
  return [
    ...ofGuards(now, (guard) => guard.openings).map(({ principal, ...one }) => ({
      ...one,
      holder: { principal },
      what: 'break-glass' as const,
      terms: one.usedBy,
    })),
    ...ofGuards(now, (guard) => guard.observations).map(({ role, ...one }) => ({
      ...one,
      holder: { role },
      what: 'observation' as const,
      terms: observed,
    })),
    ...ofGuards(now, (guard) => guard.permits).map(({ principal, ...one }) => ({
      ...one,
      holder: { principal },
      what: 'permit' as const,
      terms: one.tables.join(', '),
      needed: undefined,
    })),
    ...ofGuards(now, (guard) => guard.raises).map((one) => ({
      ...one,
      what: 'raise' as const,
      holder: { principal: one.of.split('/')[0] ?? one.of },
      terms: one.limit,
    })),
  ];
}

function nameOf({ holder }: ShownException): string {
  return 'principal' in holder ? holder.principal : holder.role;
}

function Exceptions({ now }: { readonly now: Now }): ReactNode {
  const { t } = useTranslation();
  const mayAct = useMay('operator');
  const formats = useFormats();
  const rows = exceptionsOf(now, t('exception observed')).filter(
    ({ state }) => PENDING.has(state) || IN_FORCE.has(state),
  );
  const column = useColumns<ShownException>();
  const columns: Column<ShownException>[] = [
    {
      id: 'what',
      title: t('exception'),
      isName: true,
      by: (row) => row.what,
      cell: (row) => t(`exception ${row.what}`),
    },
    {
      id: 'act',
      title: t('act'),
      cell: (row) => {
        const subject = t('exception subject', {
          what: t(`exception ${row.what}`),
          holder: nameOf(row),
          terms: row.terms,
        });
        return (
          <span className="row">
            {row.state === 'requested' && row.text !== undefined && <Approve exception={row} subject={subject} />}
            <Refuse exception={row} subject={subject} />
          </span>
        );
      },
    },
    {
      id: 'state',
      title: t('state'),
      by: (row) => row.state,
      cell: (row) => (
        <Badge tone={PENDING.has(row.state) ? 'warn' : 'good'}>
          {PENDING.has(row.state) ? t('exception pending') : t('exception in force')}
        </Badge>
      ),
    },
    {
      id: 'holder',
      title: t('exception holder'),
      by: nameOf,
      cell: ({ holder }) => ('principal' in holder ? <PrincipalLink name={holder.principal} /> : holder.role),
    },
    column.text('terms', t('exception terms'), { look: 'wrap' }),
    column.moment('until', t('until')),
    column.text('requestedBy', t('requested by')),
    {
      id: 'signed',
      title: t('signed by'),
      cell: (row) =>
        row.needed === undefined || row.needed === 0
          ? row.approvedBy.join(', ')
          : t('signed and needed', {
              count: row.needed,
              n: formats.number(row.needed),
              names: row.approvedBy.join(', '),
            }),
    },
    column.text('reason', t('why'), { look: 'wrap' }),
  ];
  return (
    <DataTable
      label={t('now pending')}
      columns={columns.filter(({ id }) => mayAct || id !== 'act')}
      rows={rows}
      keyOf={(row) => `${row.guard} ${row.id}`}
      empty={t('now pending none')}
    />
  );
}

type ShownLock = GuardNow['locks'][number] & { readonly guard: string };

function Locks({ now }: { readonly now: Now }): ReactNode {
  const { t } = useTranslation();
  const mayAct = useMay('operator');
  const formats = useFormats();
  const column = useColumns<ShownLock>();
  const columns: Column<ShownLock>[] = [
    column.principal('principal', t('principal'), { isName: true }),
    { id: 'act', title: t('act'), cell: (row) => <Release holder={row} /> },
    column.text('reason', t('why')),
    column.text('user', t('end user')),
    column.moment('since', t('since')),
    {
      id: 'until',
      title: t('until'),
      by: (row) => row.until,
      cell: (row) => (row.until === undefined ? t('until released') : formats.moment(row.until)),
    },
    column.text('by', t('by')),
  ];
  return (
    <DataTable
      label={t('now locks')}
      columns={columns.filter(({ id }) => mayAct || id !== 'act')}
      rows={ofGuards(now, (guard) => guard.locks)}
      keyOf={(row) => `${row.guard} ${row.principal} ${row.user ?? ''}`}
      empty={t('now locks none')}
    />
  );
}

function Guards({ now }: { readonly now: Now }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  if (now.guards.length === 0) return <Empty>{t('now guards none')}</Empty>;
  return now.guards.map(({ name, now: part, log }) => (
    <div key={name} className="stack">
      <h3>
        {name} <Badge tone={part.ok ? 'good' : 'bad'}>{part.ok ? t('guard up') : t('guard gone')}</Badge>
      </h3>
      {part.ok && part.value.silent > 0 && (
        <p className="note warn">
          {t('guard silent', { count: part.value.silent, n: formats.number(part.value.silent) })}
        </p>
      )}
      {!part.ok && <ProblemNote problem={part.problem} />}
      {!log.ok && <ProblemNote problem={log.problem} />}
      {log.ok && (
        <p className="soft">
          {log.value.last === undefined
            ? t('guard log empty')
            : t('guard log last', {
                time: formats.moment(log.value.last),
                ago: formats.relative(log.value.last, Date.parse(now.time)),
              })}
        </p>
      )}
    </div>
  ));
}

type Session = GuardNow['sessions'][number];

function Sessions({ now }: { readonly now: Now }): ReactNode {
  const { t } = useTranslation();
  const column = useColumns<Session>();
  const columns = useMemo(
    (): Column<Session>[] => [
      column.principal('principal', t('principal'), { isName: true }),
      column.text('user', t('end user')),
      column.text('role', t('role')),
      column.text('client', t('client')),
      column.text('application', t('application')),
      column.text('activity', t('activity')),
      column.duration('for', t('for')),
      column.number('statements', t('statements')),
      column.number('refused', t('refused')),
      column.number('rows', t('rows')),
      column.sql('statement', t('statement')),
      column.text('guard', t('guard')),
    ],
    [t, column],
  );
  return (
    <DataTable
      label={t('now sessions')}
      columns={columns}
      rows={ofGuards(now, (guard) => guard.sessions)}
      keyOf={(row) => `${row.guard} ${row.session}`}
      empty={t('now sessions none')}
    />
  );
}
