/** A person: who saw this data subject. The key is sent by POST only: it is in neither the address nor the browser's history. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import type { personFound, personQuestion } from '../../api/people.ts';
import { ask } from '../api.ts';
import { useColumns } from '../parts/columns.tsx';
import { Download } from '../parts/download.tsx';
import { DecisionLink, Panel, Sql } from '../parts/small.tsx';
import { Asked, Empty, FailureNote, Loading } from '../parts/states.tsx';
import { type Column, DataTable } from '../parts/table.tsx';
import { Heading } from '../router.tsx';
import { useFormats } from '../session.tsx';

type Found = z.output<typeof personFound>;
type Question = z.input<typeof personQuestion>;

export function PersonPage(): ReactNode {
  const { t, i18n } = useTranslation();
  const subjects = useQuery({ queryKey: ['subjects'], queryFn: ({ signal }) => ask('subjects', { signal }) });
  const [asked, setAsked] = useState<Question>();
  const search = useMutation({ mutationFn: (question: Question) => ask('person', { question }), gcTime: 0 });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const question: Question = {
      subject: text('subject'),
      key: text('key'),
      ...(text('since') !== '' && { since: text('since') }),
      ...(text('until') !== '' && { until: text('until') }),
      withNames: form.get('names') !== null,
      language: i18n.language === 'fr' ? 'fr' : 'en',
    };
    setAsked(question);
    search.mutate(question);
  };
  return (
    <>
      <Heading title={t('person title')} />
      <p className="lead">{t('person lead')}</p>
      <Panel title={t('person question')}>
        <Asked query={subjects}>
          {({ subjects, hashed }) => (
            <>
              {!hashed && <p className="note warn">{t('person not hashed')}</p>}
              {subjects.length === 0 ? (
                <Empty>{t('person no subjects')}</Empty>
              ) : (
                <form onSubmit={submit} autoComplete="off">
                  <label className="field">
                    {t('subject')}
                    <select name="subject">
                      {subjects.map((subject) => (
                        <option key={subject}>{subject}</option>
                      ))}
                    </select>
                  </label>
                  <label className="field">
                    {t('person key')}
                    <input name="key" required maxLength={1000} spellCheck={false} autoComplete="off" />
                  </label>
                  <label className="field">
                    {t('since')}
                    <input name="since" maxLength={40} spellCheck={false} />
                  </label>
                  <label className="field">
                    {t('until')}
                    <input name="until" maxLength={40} spellCheck={false} />
                  </label>
                  <label className="check">
                    <input name="names" type="checkbox" />
                    {t('person with names')}
                  </label>
                  <button type="submit" className="main" disabled={search.isPending}>
                    {t('find')}
                  </button>
                  <p className="whole soft">{t('moment hint')}</p>
                </form>
              )}
            </>
          )}
        </Asked>
      </Panel>
      {search.isPending && <Loading tall />}
      {search.error && <FailureNote error={search.error} />}
      {search.data && asked && <Answer found={search.data} asked={asked} />}
    </>
  );
}

function Answer({ found, asked }: { readonly found: Found; readonly asked: Question }): ReactNode {
  const { t, i18n } = useTranslation();
  const language: Question['language'] = i18n.language === 'fr' ? 'fr' : 'en';
  const { certainly, perhaps, cannot_be_told: open } = found;
  const isOpen =
    perhaps.length > 0 ||
    open.keys_missing.length > 0 ||
    open.records_missing > 0 ||
    open.begin_late.length > 0 ||
    open.lines_without_record > 0 ||
    open.functions.length > 0;
  const { subject } = found;
  return (
    <>
      <div className="row">
        <p role="status" className={certainly.length > 0 || isOpen ? 'note' : 'note good'}>
          {certainly.length > 0
            ? t('person found', { count: certainly.length, n: String(certainly.length), subject, key: found.key })
            : isOpen
              ? t('person not excluded', { subject, key: found.key })
              : t('person excluded', { subject, key: found.key })}
        </p>
        <Download route="personReport" question={() => ({ ...asked, language })} file={`${t('person file')}.html`}>
          {t('person report')}
        </Download>
      </div>
      <Panel title={t('person certainly')}>
        <Certainly rows={certainly} />
      </Panel>
      <Panel title={t('person perhaps')}>
        <Perhaps rows={perhaps} />
      </Panel>
      <Panel title={t('person cannot be told')}>
        <Untold open={open} />
      </Panel>
    </>
  );
}

type Sure = Found['certainly'][number];

function Certainly({ rows }: { readonly rows: readonly Sure[] }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const column = useColumns<Sure>();
  const columns: Column<Sure>[] = [
    {
      id: 'time',
      title: t('time'),
      isName: true,
      by: (row) => row.time,
      cell: (row) => <DecisionLink id={row.id}>{formats.instant(row.time)}</DecisionLink>,
    },
    { id: 'what', title: t('person what'), by: (row) => row.what, cell: (row) => t(`person ${row.what}`) },
    column.text('role', t('role')),
    ...useWhoColumns(rows),
    { id: 'columns', title: t('columns'), look: 'wrap', cell: (row) => row.columns.join(', ') },
    column.number('rows', t('rows')),
    { id: 'statement', title: t('statement'), look: 'clip', cell: (row) => <Sql>{row.statement ?? row.command}</Sql> },
  ];
  return (
    <DataTable
      label={t('person certainly')}
      columns={columns}
      rows={rows}
      keyOf={(row) => row.id}
      empty={t('person none certainly')}
    />
  );
}

type Doubtful = Found['perhaps'][number];

function Perhaps({ rows }: { readonly rows: readonly Doubtful[] }): ReactNode {
  const { t } = useTranslation();
  const column = useColumns<Doubtful>();
  const columns: Column<Doubtful>[] = [
    {
      id: 'doubt',
      title: t('why'),
      isName: true,
      look: 'wrap',
      by: (row) => row.doubt,
      cell: (row) => t(`doubt ${row.doubt}`),
    },
    column.number('statements', t('statements')),
    column.text('role', t('role')),
    ...useWhoColumns(rows),
    { id: 'tables', title: t('tables'), look: 'wrap', cell: (row) => row.tables.join(', ') },
    column.moment('first', t('first')),
    column.moment('last', t('last')),
  ];
  return (
    <DataTable
      label={t('person perhaps')}
      columns={columns}
      rows={rows}
      keyOf={(row) => JSON.stringify([row.doubt, row.role, row.principal, row.user, row.client, row.tables, row.first])}
      empty={t('person none perhaps')}
    />
  );
}

interface Who {
  readonly principal?: string | undefined;
  readonly user?: string | undefined;
  readonly client?: string | undefined;
}

/** Only where names were asked for. */
function useWhoColumns(rows: readonly Who[]): Column<Who>[] {
  const { t } = useTranslation();
  const column = useColumns<Who>();
  if (!rows.some(({ principal }) => principal !== undefined)) return [];
  return [
    column.principal('principal', t('principal')),
    column.text('user', t('end user')),
    column.text('client', t('client')),
  ];
}

function Untold({ open }: { readonly open: Found['cannot_be_told'] }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const lines = [
    ...open.keys_missing.map(({ name, statements, first, last }) =>
      t('untold key', {
        name,
        count: statements,
        n: formats.number(statements),
        first: formats.moment(first),
        last: formats.moment(last),
      }),
    ),
    open.records_missing > 0 &&
      t('untold records', { count: open.records_missing, n: formats.number(open.records_missing) }),
    open.begin_late.length > 0 && t('untold files', { guards: formats.list(open.begin_late) }),
    open.lines_without_record > 0 &&
      t('untold lines', { count: open.lines_without_record, n: formats.number(open.lines_without_record) }),
    open.functions.length > 0 && t('untold functions', { names: formats.list(open.functions) }),
  ].filter((line) => line !== false);
  if (lines.length === 0) return <Empty>{t('untold none')}</Empty>;
  return (
    <ul className="plain">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
