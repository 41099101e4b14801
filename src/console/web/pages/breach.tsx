/** A breach: what one principal took in a time, the report about it, and whether the logs are whole. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import type { breachFound, breachQuestion, breachReportQuestion } from '../../api/breach.ts';
import type { logsPage } from '../../api/logs.ts';
import { ask } from '../api.ts';
import { Chart } from '../parts/chart.tsx';
import { Download } from '../parts/download.tsx';
import { Badge, Facts, Panel, PeopleTiles, Sql, useReason } from '../parts/small.tsx';
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
        <div>
          <dt>{t('rows')}</dt>
          <dd>{formats.number(totals.rows)}</dd>
        </div>
        <div>
          <dt>{t('bytes')}</dt>
          <dd>{formats.bytes(totals.bytes)}</dd>
        </div>
        <div>
          <dt>{t('changed')}</dt>
          <dd>{formats.number(totals.changed)}</dd>
        </div>
        <div>
          <dt>{t('statements')}</dt>
          <dd>{formats.number(totals.statements)}</dd>
        </div>
        <div>
          <dt>{t('refused or stopped')}</dt>
          <dd>{formats.number(totals.refused + totals.stopped)}</dd>
        </div>
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
              {
                id: 'times',
                title: t('times'),
                look: 'number',
                by: (row) => row.times,
                cell: (row) => formats.number(row.times),
              },
              { id: 'last', title: t('last'), by: (row) => row.last, cell: (row) => formats.moment(row.last) },
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
              { id: 'address', title: t('client'), isName: true, cell: (row) => row.address },
              { id: 'application', title: t('application'), cell: (row) => row.application },
              {
                id: 'statements',
                title: t('statements'),
                look: 'number',
                cell: (row) => formats.number(row.statements),
              },
              { id: 'rows', title: t('rows'), look: 'number', cell: (row) => formats.number(row.rows) },
              { id: 'first', title: t('first'), cell: (row) => formats.moment(row.first) },
              { id: 'last', title: t('last'), cell: (row) => formats.moment(row.last) },
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
              { id: 'at', title: t('time'), isName: true, by: (row) => row.at, cell: (row) => formats.moment(row.at) },
              { id: 'kind', title: t('breach event'), by: (row) => row.kind, cell: (row) => row.kind },
              { id: 'what', title: t('why'), look: 'wrap', cell: (row) => row.what },
              { id: 'by', title: t('by'), cell: (row) => row.by },
              { id: 'times', title: t('times'), look: 'number', cell: (row) => formats.number(row.times) },
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
  const formats = useFormats();
  const columns: Column<Read>[] = [
    {
      id: 'name',
      title: isSql ? t('statement') : t('column'),
      isName: true,
      look: isSql ? 'clip' : 'wrap',
      by: (row) => row.name,
      cell: (row) => <Sql>{row.name}</Sql>,
    },
    { id: 'rows', title: t('rows'), look: 'number', by: (row) => row.rows, cell: (row) => formats.number(row.rows) },
    {
      id: 'statements',
      title: t('statements'),
      look: 'number',
      by: (row) => row.statements,
      cell: (row) => formats.number(row.statements),
    },
    {
      id: 'changed',
      title: t('changed'),
      look: 'number',
      by: (row) => row.changed,
      cell: (row) => formats.number(row.changed),
    },
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
  const { guard, checked, verification } = log;
  const columns: Column<Chain>[] = [
    { id: 'file', title: t('file'), isName: true, look: 'wrap', cell: (row) => <code>{row.file}</code> },
    {
      id: 'records',
      title: t('records'),
      look: 'number',
      by: (row) => row.records,
      cell: (row) => formats.number(row.records),
    },
    {
      id: 'files',
      title: t('files'),
      look: 'number',
      by: (row) => row.files,
      cell: (row) => formats.number(row.files),
    },
    { id: 'bytes', title: t('bytes'), look: 'number', by: (row) => row.bytes, cell: (row) => formats.bytes(row.bytes) },
    { id: 'from', title: t('first'), cell: (row) => row.from !== undefined && formats.moment(row.from) },
    { id: 'until', title: t('last'), cell: (row) => row.until !== undefined && formats.moment(row.until) },
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
