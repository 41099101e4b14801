/** One principal: its limits and locks, what it may see and what of that it used, and what it did. */
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import type { PrincipalAccess, principalHistory, principalPage } from '../../api/principals.ts';
import { ask } from '../api.ts';
import { Lock, Release } from '../parts/acting.tsx';
import { Chart } from '../parts/chart.tsx';
import { useColumns } from '../parts/columns.tsx';
import { Badge, DecisionLink, Facts, Level, Panel, PeopleTiles, Sql, Tile, useReason } from '../parts/small.tsx';
import { Asked, Empty, PartOf } from '../parts/states.tsx';
import { type Column, DataTable } from '../parts/table.tsx';
import { Heading, Link } from '../router.tsx';
import { useFormats } from '../session.tsx';
import { Mode } from './principals.tsx';

type Page = z.output<typeof principalPage>;
type History = z.output<typeof principalHistory>;

export function PrincipalPage({ name }: { readonly name: string }): ReactNode {
  const { t } = useTranslation();
  const page = useQuery({
    queryKey: ['principal', name],
    queryFn: ({ signal }) => ask('principal', { path: name, signal }),
    refetchInterval: 10_000,
  });
  const access = useQuery({
    queryKey: ['access', name],
    queryFn: ({ signal }) => ask('access', { path: name, signal }),
    staleTime: 60_000,
  });
  return (
    <>
      <Heading title={t('principal title', { name })} />
      <Asked query={page} tall>
        {(found) => <Standing page={found} />}
      </Asked>
      <Done name={name} limits={page.data?.limits ?? NO_LIMITS} />
      <Panel title={t('access title')}>
        <Asked query={access} tall>
          {(found) => <Access access={found} />}
        </Asked>
      </Panel>
    </>
  );
}

const NO_LIMITS: Page['limits'] = [];

function Standing({ page }: { readonly page: Page }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const attributes = Object.entries(page.attributes).map(([key, value]) =>
    t('attribute', { key, value: String(value) }),
  );
  return (
    <div className="panels">
      <Panel
        title={t('principal standing')}
        aside={
          <Link to={`/decisions?in=log&principal=${encodeURIComponent(page.name)}`}>{t('principal decisions')}</Link>
        }
      >
        {page.role === undefined && <p className="note warn">{t('principal gone long')}</p>}
        {page.disabled !== undefined && <p className="note bad">{page.disabled}</p>}
        <Facts
          facts={[
            [t('role'), page.role],
            [t('state'), page.role !== undefined && <Mode key="mode" {...page} />],
            [t('attributes'), attributes.length > 0 && formats.list(attributes)],
          ]}
        />
        {page.locks.map((lock) => (
          <div className="note bad" key={`${lock.guard} ${lock.user ?? ''}`}>
            <p>
              {lock.until === undefined
                ? t('locked until released', { since: formats.moment(lock.since), by: lock.by, reason: lock.reason })
                : t('locked until', {
                    since: formats.moment(lock.since),
                    until: formats.moment(lock.until),
                    by: lock.by,
                    reason: lock.reason,
                  })}
            </p>
            {lock.user !== undefined && <p>{t('locked user', { user: lock.user })}</p>}
            <Release holder={lock} />
          </div>
        ))}
      </Panel>
      {page.limits.map(({ guard, limits }) => (
        <Panel
          key={guard}
          title={t('limits at', { guard })}
          aside={page.role !== undefined && <Lock holder={{ guard, principal: page.name }} />}
        >
          <PartOf part={limits}>{(value) => <Limits {...value} />}</PartOf>
        </Panel>
      ))}
    </div>
  );
}

type LimitsValue = Extract<Page['limits'][number]['limits'], { readonly ok: true }>['value'];
type Limit = LimitsValue['limits'][number];

function Limits({ limits, statement }: LimitsValue): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const column = useColumns<Limit>();
  const columns = useMemo(
    (): Column<Limit>[] => [
      column.text('name', t('limit'), { isName: true }),
      { id: 'used', title: t('used'), by: (row) => row.used / row.of, cell: (row) => <Level {...row} /> },
      column.text('effect', t('limit effect')),
      {
        id: 'raised',
        title: t('limit raised'),
        cell: (row) =>
          row.stated !== undefined && row.until !== undefined
            ? t('limit raised from', { stated: formats.number(row.stated), until: formats.moment(row.until) })
            : '',
      },
      column.code('rule', t('rule')),
    ],
    [t, formats, column],
  );
  const ofStatement = Object.entries(statement).map(([name, amount]) =>
    t('attribute', { key: name, value: formats.number(amount) }),
  );
  return (
    <>
      <DataTable
        label={t('limits label')}
        columns={columns}
        rows={limits}
        keyOf={(row) => `${row.name} ${row.effect}`}
        empty={t('limits none')}
      />
      {ofStatement.length > 0 && <p className="soft">{t('limits statement', { limits: formats.list(ofStatement) })}</p>}
    </>
  );
}

const DAYS = [1, 7, 30, 90, 365] as const;

interface DoneProps {
  readonly name: string;
  readonly limits: Page['limits'];
}

function Done({ name, limits }: DoneProps): ReactNode {
  const { t } = useTranslation();
  const [days, setDays] = useState<number>(30);
  const history = useQuery({
    queryKey: ['history', name, days],
    queryFn: ({ signal }) => ask('history', { path: name, question: { days }, signal }),
    staleTime: 30_000,
    placeholderData: (before) => before,
  });
  return (
    <>
      <Panel
        title={t('history title')}
        aside={
          <label className="check">
            {t('history span')}
            <select value={days} onChange={({ target }) => setDays(Number(target.value))}>
              {DAYS.map((count) => (
                <option key={count} value={count}>
                  {t('n days', { count, n: String(count) })}
                </option>
              ))}
            </select>
          </label>
        }
      >
        <Asked query={history} tall>
          {(found) => <Amounts history={found} limits={limits} />}
        </Asked>
      </Panel>
      {history.data && <Details history={history.data} />}
    </>
  );
}

const DAY_MS = 86_400_000;
const TOTALS = ['rows', 'statements', 'refused'] as const;
const AMOUNTS = ['people', ...TOTALS] as const;

/** The least limit of a day on this measure, at any guard. Of people: whatever their subject. */
function ceilingOf(measure: string, limits: Page['limits']): number | undefined {
  const name = measure === 'people' ? /^subjects\..* per day$/ : new RegExp(`^${measure} .* per day$`);
  const found = limits.flatMap(({ limits: part }) =>
    part.ok ? part.value.limits.filter((limit) => name.test(limit.name)).map(({ of }) => of) : [],
  );
  return found.length > 0 ? Math.min(...found) : undefined;
}

interface AmountsProps {
  readonly history: History;
  readonly limits: Page['limits'];
}

function Amounts({ history, limits }: AmountsProps): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const { timeline, step } = history;
  const charts = useMemo(() => {
    const times = timeline.map(({ at }) => at);
    return AMOUNTS.map((measure) => ({
      measure,
      times,
      lines: [{ name: t(measure), values: timeline.map((each) => each[measure]) }],
    }));
  }, [timeline, t]);
  const clock = (ms: number): string => formats.wall(ms, step);
  const tick = (ms: number): string => formats.wallTick(ms, step);
  return (
    <>
      <dl className="tiles">
        <PeopleTiles people={history.people} />
        {TOTALS.map((measure) => (
          <Tile key={measure} term={t(measure)}>
            {formats.number(history[measure])}
          </Tile>
        ))}
      </dl>
      {timeline.length === 0 ? (
        <Empty>{t('history none')}</Empty>
      ) : (
        <div className="panels">
          {charts.map(({ measure, times, lines }) => (
            <Chart
              key={measure}
              label={t('history label', { measure: t(measure) })}
              times={times}
              lines={lines}
              clock={clock}
              tick={tick}
              ceiling={step === DAY_MS ? ceilingOf(measure, limits) : undefined}
            />
          ))}
        </div>
      )}
    </>
  );
}

function Details({ history }: { readonly history: History }): ReactNode {
  const { t } = useTranslation();
  return (
    <>
      <Panel title={t('refusals title')}>
        <Refusals refusals={history.refusals} />
      </Panel>
      <Panel title={t('shapes title')}>
        <Shapes shapes={history.shapes} />
      </Panel>
      <Panel title={t('clients title')}>
        <Clients clients={history.clients} />
      </Panel>
    </>
  );
}

type Refusal = History['refusals'][number];

function Refusals({ refusals }: { readonly refusals: readonly Refusal[] }): ReactNode {
  const { t } = useTranslation();
  const column = useColumns<Refusal>();
  const reason = useReason();
  const columns: Column<Refusal>[] = [
    {
      id: 'reason',
      title: t('reason'),
      isName: true,
      look: 'wrap',
      by: (row) => row.reason,
      cell: (row) => reason(row.reason),
    },
    column.number('times', t('times')),
    column.moment('last', t('last')),
    {
      id: 'when',
      title: t('refusal when'),
      by: (row) => String(row.late),
      cell: (row) => (row.late ? t('refusal late') : t('refusal before')),
    },
    { id: 'rule', title: t('rule'), cell: (row) => <code>{row.example?.rule}</code> },
    {
      id: 'example',
      title: t('refusal example'),
      look: 'clip',
      cell: (row) =>
        row.example && (
          <DecisionLink id={row.example.id}>
            <Sql>{row.example.statement ?? row.example.command}</Sql>
          </DecisionLink>
        ),
    },
  ];
  return (
    <DataTable
      label={t('refusals title')}
      columns={columns}
      rows={refusals}
      keyOf={(row) => `${row.reason} ${row.late}`}
      empty={t('refusals none')}
    />
  );
}

type Shape = History['shapes'][number];

function Shapes({ shapes }: { readonly shapes: readonly Shape[] }): ReactNode {
  const { t } = useTranslation();
  const column = useColumns<Shape>();
  const columns: Column<Shape>[] = [
    column.sql('name', t('statement'), { isName: true }),
    column.number('rows', t('rows')),
    column.number('statements', t('statements')),
    column.number('refused', t('refused')),
    column.number('people', t('people')),
    column.bytes('bytes', t('bytes')),
    column.moment('last', t('last')),
  ];
  return (
    <DataTable
      label={t('shapes title')}
      columns={columns}
      rows={shapes}
      keyOf={(row) => row.fingerprint}
      empty={t('shapes none')}
    />
  );
}

type Client = History['clients'][number];

function Clients({ clients }: { readonly clients: readonly Client[] }): ReactNode {
  const { t } = useTranslation();
  const column = useColumns<Client>();
  const columns: Column<Client>[] = [
    column.text('address', t('client'), { isName: true }),
    column.text('application', t('application')),
    column.number('sessions', t('sessions')),
    column.number('statements', t('statements')),
    column.number('rows', t('rows')),
    column.moment('first', t('first')),
    column.moment('last', t('last')),
  ];
  return (
    <DataTable
      label={t('clients title')}
      columns={columns}
      rows={clients}
      keyOf={(row) => `${row.address} ${row.application}`}
      empty={t('clients none')}
    />
  );
}

type TableSeen = PrincipalAccess['tables'][number];

function Access({ access }: { readonly access: PrincipalAccess }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const [withAll, setWithAll] = useState(false);
  const isReached = (table: TableSeen): boolean =>
    table.writes.length > 0 || table.columns.some(({ form }) => form !== 'withheld');
  const shown = withAll ? access.tables : access.tables.filter(isReached);
  const hidden = access.tables.length - access.tables.filter(isReached).length;
  const column = useColumns<TableSeen>();
  const columns: Column<TableSeen>[] = [
    column.code('table', t('table'), { isName: true }),
    { id: 'columns', title: t('columns'), look: 'wrap', cell: (row) => <ColumnChips columns={row.columns} /> },
    {
      id: 'rows',
      title: t('access rows'),
      look: 'wrap',
      cell: (row) =>
        row.rows.length === 0 ? (
          isReached(row) && t('access all rows')
        ) : (
          <ul className="plain">
            {row.rows.map((condition) => (
              <li key={condition}>
                <Sql>{condition}</Sql>
              </li>
            ))}
          </ul>
        ),
    },
    { id: 'writes', title: t('access writes'), cell: (row) => row.writes.map((each) => each.toUpperCase()).join(', ') },
    column.code('rule', t('rule')),
  ];
  return (
    <>
      {access.unrestricted && <p className="note bad">{t('access unrestricted')}</p>}
      {access.observed && <p className="note warn">{t('access observed')}</p>}
      <div className="row">
        <ul className="chips" aria-label={t('access key')}>
          <li>{t('form plain')}</li>
          <li className="masked">{t('form masked')}</li>
          <li className="withheld">{t('form withheld')}</li>
          <li className="idle">{t('form idle')}</li>
        </ul>
        {hidden > 0 && (
          <label className="check">
            <input type="checkbox" checked={withAll} onChange={({ target }) => setWithAll(target.checked)} />
            {t('access with all', { count: hidden, n: formats.number(hidden) })}
          </label>
        )}
      </div>
      <DataTable
        label={t('access title')}
        columns={columns}
        rows={shown}
        keyOf={(row) => row.table}
        empty={t('access none')}
      />
      <h3>{t('unused title')}</h3>
      <PartOf part={access.unused}>{(unused) => <UnusedGrants unused={unused} />}</PartOf>
    </>
  );
}

function ColumnChips({ columns }: { readonly columns: TableSeen['columns'] }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  return (
    <ul className="chips">
      {columns.map(({ name, form, mask, used }) => {
        const idle = used === 0 && form !== 'withheld' ? ' idle' : '';
        const count = used === undefined ? '' : t('column used', { count: used, n: formats.number(used) });
        return (
          <li key={name} className={`${form}${idle}`} title={[mask, count].filter(Boolean).join('\n') || undefined}>
            {name}
            <span className="hidden">{t('column form', { form: t(`form ${form}`), used: count })}</span>
          </li>
        );
      })}
    </ul>
  );
}

type UnusedValue = Extract<PrincipalAccess['unused'], { readonly ok: true }>['value'];
type Grant = UnusedValue['grants'][number];

/** How a grant was used, according to the log. Other words of the command are shown unchanged. */
const STANDINGS = ['delete', 'keep', 'new', 'star', 'cannot tell', 'accepted'] as const;

function UnusedGrants({ unused }: { readonly unused: UnusedValue }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const word = (standing: string): string => {
    const known = STANDINGS.find((one) => one === standing);
    return known ? t(`standing ${known}`) : standing;
  };
  const column = useColumns<Grant>();
  const columns: Column<Grant>[] = [
    column.code('name', t('grant'), { isName: true }),
    { id: 'columns', title: t('columns'), look: 'wrap', cell: (row) => row.columns.join(', ') },
    column.text('command', t('command')),
    {
      id: 'standing',
      title: t('standing'),
      by: (row) => row.standing,
      cell: (row) => <Badge tone={row.standing === 'delete' ? 'warn' : undefined}>{word(row.standing)}</Badge>,
    },
    column.code('rule', t('rule')),
  ];
  return (
    <>
      <DataTable
        label={t('unused title')}
        columns={columns}
        rows={unused.grants}
        keyOf={(row) => JSON.stringify(row)}
        empty={t('unused none')}
      />
      {unused.monthsNotSeen.length > 0 && (
        <p className="soft">{t('unused months', { months: formats.list(unused.monthsNotSeen) })}</p>
      )}
      {unused.gaps.length > 0 && <p className="soft">{t('unused gaps', { gaps: formats.list(unused.gaps) })}</p>}
    </>
  );
}
