/** Principals: who may log in, and what each has done in the last seven days. */
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useDeferredValue, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import type { principalsList } from '../../api/principals.ts';
import { ask } from '../api.ts';
import { useColumns } from '../parts/columns.tsx';
import { Badge, Panel } from '../parts/small.tsx';
import { Asked, ProblemNote } from '../parts/states.tsx';
import { type Column, DataTable } from '../parts/table.tsx';
import { Heading } from '../router.tsx';
import { useFormats } from '../session.tsx';

type List = z.output<typeof principalsList>;
type Listed = List['principals'][number];
type Done = Extract<List['done'], { readonly ok: true }>['value'][number];
type Row = Listed & { readonly done: Done | undefined };

export function PrincipalsPage(): ReactNode {
  const { t } = useTranslation();
  const query = useQuery({ queryKey: ['principals'], queryFn: ({ signal }) => ask('principals', { signal }) });
  return (
    <>
      <Heading title={t('nav principals')} />
      <Panel title={t('principals title')}>
        <Asked query={query} tall>
          {(list) => <Found list={list} />}
        </Asked>
      </Panel>
    </>
  );
}

function Found({ list }: { readonly list: List }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const [wanted, setWanted] = useState('');
  const sought = useDeferredValue(wanted.trim().toLowerCase());
  const rows = useMemo((): Row[] => {
    const done = new Map(list.done.ok ? list.done.value.map((each) => [each.principal, each]) : []);
    return list.principals
      .filter(({ name, role }) => name.toLowerCase().includes(sought) || role?.toLowerCase().includes(sought))
      .map((each) => ({ ...each, done: done.get(each.name) }));
  }, [list, sought]);
  const column = useColumns<Row>();
  const columns = useMemo((): Column<Row>[] => {
    const amount = (id: 'statements' | 'refused' | 'rows' | 'people' | 'logins'): Column<Row> => ({
      id,
      title: t(id),
      look: 'number',
      by: (row) => row.done?.[id],
      cell: (row) => (row.done ? formats.number(row.done[id]) : ''),
    });
    return [
      column.principal('name', t('principal'), { isName: true }),
      {
        id: 'role',
        title: t('role'),
        by: (row) => row.role,
        cell: (row) => row.role ?? <em>{t('principal gone')}</em>,
      },
      {
        id: 'mode',
        title: t('state'),
        by: (row) => (row.disabled === undefined ? row.mode : 'disabled'),
        cell: (row) => <Mode {...row} />,
      },
      amount('logins'),
      amount('statements'),
      amount('refused'),
      amount('rows'),
      amount('people'),
      {
        id: 'last',
        title: t('last login'),
        by: (row) => row.done?.lastLogin,
        cell: (row) => (row.done?.lastLogin === undefined ? '' : formats.moment(row.done.lastLogin)),
      },
      {
        id: 'new',
        title: t('principals new'),
        look: 'wrap',
        by: (row) => (row.done?.newAddresses.length ?? 0) + (row.done?.newTables.length ?? 0),
        cell: (row) => row.done && formats.list([...row.done.newAddresses, ...row.done.newTables]),
      },
    ];
  }, [t, formats, column]);
  return (
    <>
      {!list.done.ok && <ProblemNote problem={list.done.problem} />}
      <form onSubmit={(event) => event.preventDefault()}>
        <label className="field">
          {t('principals filter')}
          <input type="search" value={wanted} onChange={({ target }) => setWanted(target.value)} />
        </label>
        <p className="soft" role="status">
          {t('found principals', { count: rows.length, n: formats.number(rows.length) })}
        </p>
      </form>
      <DataTable
        label={t('principals title')}
        columns={columns}
        rows={rows}
        keyOf={(row) => row.name}
        empty={t('principals none')}
      />
    </>
  );
}

interface ModeProps {
  readonly role?: string | undefined;
  readonly mode?: 'enforce' | 'observe' | undefined;
  readonly disabled?: string | undefined;
}

/** Whether its policy is enforced, only observed, or it cannot log in. */
export function Mode({ role, mode, disabled }: ModeProps): ReactNode {
  const { t } = useTranslation();
  if (disabled !== undefined) return <Badge tone="bad">{t('mode disabled')}</Badge>;
  if (role === undefined || mode === undefined) return null;
  return <Badge tone={mode === 'enforce' ? 'good' : 'warn'}>{t(`mode ${mode}`)}</Badge>;
}
