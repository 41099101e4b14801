/** A breach: what one principal took in a time, the report about it, and whether the logs are whole. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import type { breachFound, breachQuestion, breachReportQuestion } from '../../api/breach.ts';
import type { logsPage } from '../../api/logs.ts';
import { ask } from '../api.ts';
import { Chart } from '../parts/chart.tsx';
import { useColumns } from '../parts/columns.tsx';
import { Download } from '../parts/download.tsx';
import { Badge, Facts, Panel, PeopleTiles, Sql, Tile, useReason } from '../parts/small.tsx';
import { Asked, Empty, FailureNote, Loading, PartOf } from '../parts/states.tsx';
import { type Column, DataTable } from '../parts/table.tsx';
import { Heading, useAddress } from '../router.tsx';
import { useFormats } from '../session.tsx';

type Found = z.output<typeof breachFound>;
type Question = z.input<typeof breachQuestion>;

export function BreachPage(): ReactNode {
  const { t } = useTranslation();
  const { searchParams } = useAddress();
  const principals = useQuery({ queryKey: ['principals'], queryFn: ({ signal }) => ask('principals', { signal }) });
  const [asked, setAsked] = useState<Question>();
  const search = useMutation({ mutationFn: (question: Question) => ask('breach', { question }), gcTime: 0 });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const question: Question = {
      principal: text('principal'),
      since: text('since'),
      ...(text('user') !== '' && { user: text('user') }),
      ...(text('until') !== '' && { until: text('until') }),
    };
    setAsked(question);
    search.mutate(question);
  };
  return (
    <>
      <Heading title={t('nav breach')} />
      <p className="lead">{t('breach lead')}</p>
      <Panel title={t('breach question')}>
        <form onSubmit={submit} autoComplete="off">
          <label className="field">
            {t('principal')}
            <input
              name="principal"
              list="principals"
              required
              maxLength={500}
              defaultValue={searchParams.get('principal') ?? ''}
              spellCheck={false}
            />
          </label>
          <datalist id="principals">
            {principals.data?.principals.map(({ name }) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <label className="field">
            {t('end user')}
            <input name="user" maxLength={500} spellCheck={false} />
          </label>
          <label className="field">
            {t('since')}
            <input name="since" required maxLength={40} spellCheck={false} defaultValue="24h" />
          </label>
          <label className="field">
            {t('until')}
            <input name="until" maxLength={40} spellCheck={false} />
          </label>
          <button type="submit" className="main" disabled={search.isPending}>
            {t('breach show')}
          </button>
          <p className="whole soft">{t('moment hint')}</p>
        </form>
      </Panel>
      {search.isPending && <Loading tall />}
      {search.error && <FailureNote error={search.error} />}
      {search.data && asked && <Scope found={search.data} asked={asked} />}
      <Logs />
    </>
  );
}

function Scope({ found, asked }: { readonly found: Found; readonly asked: Question }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const reason = useReason();
  const refusal = useColumns<Found['refusals'][number]>();
  const client = useColumns<Found['clients'][number]>();
  const event = useColumns<Found['events'][number]>();
  const { totals, people, coverage, timeline, step } = found;
  const when = (instant: number | undefined): string | undefined =>
    instant === undefined ? undefined : formats.moment(instant);
  const lines = useMemo(() => {
    return [
      { name: t('rows'), values: timeline.map(({ rows }) => rows) },
      { name: t('people'), values: timeline.map(({ people }) => people) },
      { name: t('refused'), values: timeline.map(({ refused }) => refused) },
    ];
  }, [timeline, t]);
  const times = useMemo(() => timeline.map(({ at }) => at), [timeline]);
  const isGappy = coverage.missing > 0 || coverage.beginLate.length > 0;
  return (
    <>
      <dl className="tiles">
        <PeopleTiles people={people} />
        <Tile term={t('rows')}>{formats.number(totals.rows)}</Tile>
        <Tile term={t('bytes')}>{formats.bytes(totals.bytes)}</Tile>
        <Tile term={t('changed')}>{formats.number(totals.changed)}</Tile>
        <Tile term={t('statements')}>{formats.number(totals.statements)}</Tile>
        <Tile term={t('refused or stopped')}>{formats.number(totals.refused + totals.stopped)}</Tile>
      </dl>
      {isGappy && (
        <p className="note bad">
          {coverage.missing > 0 &&
            t('breach missing', { count: coverage.missing, n: formats.number(coverage.missing) })}{' '}
          {coverage.beginLate.length > 0 && t('untold files', { guards: formats.list(coverage.beginLate) })}
        </p>
      )}
      {totals.unended + totals.undecided > 0 && (
        <p className="note warn">
          {t('breach unended', {
            count: totals.unended + totals.undecided,
            n: formats.number(totals.unended + totals.undecided),
          })}
        </p>
      )}
      <div className="panels">
        <Panel title={t('breach scope')}>
          <Facts
            facts={[
              [t('first'), when(totals.first)],
              [t('last'), when(totals.last)],
              [t('roles'), formats.list(totals.roles)],
              [t('databases'), formats.list(totals.databases)],
              [t('end users'), formats.list(totals.users)],
              [t('tables'), formats.list(found.tables.map(({ name }) => name))],
              [t('breach read'), when(coverage.first)],
            ]}
          />
        </Panel>
        <Panel title={t('breach document')}>
          <Document asked={asked} />
        </Panel>
      </div>
      <Panel title={t('breach when')}>
        {timeline.length === 0 ? (
          <Empty>{t('history none')}</Empty>
        ) : (
          <Chart
            label={t('breach when')}
            times={times}
            lines={lines}
            clock={(ms) => formats.wall(ms, step)}
            tick={(ms) => formats.wallTick(ms, step)}
          />
        )}
      </Panel>
      <div className="panels">
        <Panel title={t('columns')}>
          <Reads label={t('columns')} rows={found.columns} />
        </Panel>
        <Panel title={t('breach stopped')}>
          <DataTable
            label={t('breach stopped')}
            rows={found.refusals}
            keyOf={(row) => `${row.reason} ${row.late}`}
            empty={t('refusals none')}
            columns={[
              { id: 'reason', title: t('reason'), isName: true, look: 'wrap', cell: (row) => reason(row.reason) },
              refusal.number('times', t('times')),
              refusal.moment('last', t('last')),
            ]}
          />
        </Panel>
      </div>
      <Panel title={t('breach statements')}>
        <Reads label={t('breach statements')} rows={found.statements} isSql />
      </Panel>
      <div className="panels">
        <Panel title={t('clients title')}>
          <DataTable
            label={t('clients title')}
            rows={found.clients}
            keyOf={(row) => `${row.address} ${row.application} ${row.certificate ?? ''}`}
            empty={t('clients none')}
            columns={[
              client.text('address', t('client'), { isName: true }),
              client.text('application', t('application')),
              client.number('statements', t('statements')),
              client.number('rows', t('rows')),
              client.moment('first', t('first')),
              client.moment('last', t('last')),
            ]}
          />
        </Panel>
        <Panel title={t('breach events')}>
          <DataTable
            label={t('breach events')}
            rows={found.events}
            keyOf={(row) => `${row.at} ${row.kind} ${row.what}`}
            empty={t('none')}
            columns={[
              event.moment('at', t('time'), { isName: true }),
              event.text('kind', t('breach event')),
              event.text('what', t('why'), { look: 'wrap' }),
              event.text('by', t('by')),
              event.number('times', t('times')),
            ]}
          />
        </Panel>
      </div>
    </>
  );
}

type Read = Found['tables'][number];

function Reads({ label, rows, isSql = false }: { label: string; rows: readonly Read[]; isSql?: boolean }): ReactNode {
  const { t } = useTranslation();
  const column = useColumns<Read>();
  const columns: Column<Read>[] = [
    {
      id: 'name',
      title: isSql ? t('statement') : t('column'),
      isName: true,
      look: isSql ? 'clip' : 'wrap',
      by: (row) => row.name,
      cell: (row) => <Sql>{row.name}</Sql>,
    },
    column.number('rows', t('rows')),
    column.number('statements', t('statements')),
    column.number('changed', t('changed')),
  ];
  return (
    <DataTable label={label} columns={columns} rows={rows} keyOf={(row) => JSON.stringify(row)} empty={t('none')} />
  );
}

/** The report as a document: with verification, author and case number. HTML prints as a PDF. */
function Document({ asked }: { readonly asked: Question }): ReactNode {
  const { t, i18n } = useTranslation();
  const form = useRef<HTMLFormElement>(null);
  const question = (format: 'html' | 'json') => (): z.input<typeof breachReportQuestion> => {
    const given = new FormData(form.current ?? undefined);
    const text = (name: string): string => String(given.get(name) ?? '').trim();
    return {
      ...asked,
      format,
      language: i18n.language === 'fr' ? 'fr' : 'en',
      verify: given.get('verify') !== null,
      ...(text('author') !== '' && { author: text('author') }),
      ...(text('case') !== '' && { case: text('case') }),
    };
  };
  return (
    <form ref={form} onSubmit={(event) => event.preventDefault()}>
      <label className="field">
        {t('author')}
        <input name="author" maxLength={500} autoComplete="name" />
      </label>
      <label className="field">
        {t('case')}
        <input name="case" maxLength={500} autoComplete="off" />
      </label>
      <label className="check whole">
        <input name="verify" type="checkbox" defaultChecked />
        {t('breach verify')}
      </label>
      <Download route="breachReport" question={question('html')} file={`${t('breach file')}.html`}>
        {t('breach as html')}
      </Download>
      <Download route="breachReport" question={question('json')} file={`${t('breach file')}.json`}>
        {t('breach as json')}
      </Download>
    </form>
  );
}

type Logs = z.output<typeof logsPage>;
type Log = Logs['logs'][number];

function Logs(): ReactNode {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const query = useQuery({ queryKey: ['logs'], queryFn: ({ signal }) => ask('logs', { signal }) });
  const verify = useMutation({
    mutationFn: () => ask('verify'),
    onSuccess: (found) => queries.setQueryData(['logs'], found),
  });
  return (
    <Panel
      title={t('logs title')}
      aside={
        <button type="button" onClick={() => verify.mutate()} disabled={verify.isPending}>
          {verify.isPending ? t('logs verifying') : t('logs verify')}
        </button>
      }
    >
      {verify.error && <FailureNote error={verify.error} />}
      <Asked query={query}>
        {({ logs }) =>
          logs.length === 0 ? (
            <Empty>{t('logs none')}</Empty>
          ) : (
            logs.map((log) => <LogState key={log.guard} log={log} />)
          )
        }
      </Asked>
    </Panel>
  );
}

type Chain = Extract<NonNullable<Log['verification']>, { readonly ok: true }>['value']['chains'][number];
type Finding = Extract<NonNullable<Log['verification']>, { readonly ok: true }>['value']['findings'][number];

function LogState({ log }: { readonly log: Log }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const column = useColumns<Chain>();
  const { guard, checked, verification } = log;
  const columns: Column<Chain>[] = [
    column.code('file', t('file'), { isName: true, look: 'wrap' }),
    column.number('records', t('records')),
    column.number('files', t('files')),
    column.bytes('bytes', t('bytes')),
    column.moment('from', t('first')),
    column.moment('until', t('last')),
    {
      id: 'sealed',
      title: t('sealed'),
      cell: (row) =>
        row.sealed
          ? t('sealed up to', { n: formats.number(row.sealed.seq), time: formats.moment(row.sealed.at) })
          : t('not sealed'),
    },
  ];
  return (
    <div className="stack">
      <h3>
        {guard}{' '}
        {verification?.ok && (
          <Badge tone={verification.value.sound ? 'good' : 'bad'}>
            {verification.value.sound ? t('log sound') : t('log broken')}
          </Badge>
        )}
      </h3>
      <p className="soft">
        {checked === undefined ? t('log not checked') : t('log checked', { time: formats.moment(checked) })}
      </p>
      {verification && (
        <PartOf part={verification}>
          {({ findings, notes, chains }) => (
            <>
              <Findings tone="bad" findings={findings} />
              <Findings tone="warn" findings={notes} />
              <DataTable
                label={t('log chains', { guard })}
                columns={columns}
                rows={chains}
                keyOf={(row) => `${row.file} ${row.guard ?? ''}`}
                empty={t('none')}
              />
            </>
          )}
        </PartOf>
      )}
    </div>
  );
}

function Findings({
  tone,
  findings,
}: {
  readonly tone: 'bad' | 'warn';
  readonly findings: readonly Finding[];
}): ReactNode {
  if (findings.length === 0) return null;
  return (
    <ul className={`note plain ${tone}`} lang="en">
      {findings.map(({ file, line, message }) => (
        <li key={`${file} ${line} ${message}`}>
          <code>{line === undefined ? file : `${file}:${line}`}</code> {message}
        </li>
      ))}
    </ul>
  );
}
