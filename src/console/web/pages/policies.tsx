/** Policies: who sees which table, what changed when, what is wrong with them, and others tried out. Nothing is applied from here. */
import { useMutation, useQuery } from '@tanstack/react-query';
import type { FormEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import type { policiesPage, policyHistory } from '../../api/policies.ts';
import { ask } from '../api.ts';
import { NewKey } from '../parts/acting.tsx';
import { useColumns } from '../parts/columns.tsx';
import { CheckResult, DiffResult } from '../parts/policy-results.tsx';
import { Badge, Panel } from '../parts/small.tsx';
import { Asked, Empty, FailureNote } from '../parts/states.tsx';
import { type Column, DataTable } from '../parts/table.tsx';
import { TryPolicy } from '../parts/try-policy.tsx';
import { Heading } from '../router.tsx';
import { useFormats, useMay } from '../session.tsx';

type Page = z.output<typeof policiesPage>;
type Role = Page['roles'][number];

export function PoliciesPage(): ReactNode {
  const { t } = useTranslation();
  const mayTry = useMay('auditor');
  const page = useQuery({ queryKey: ['policies'], queryFn: ({ signal }) => ask('policies', { signal }) });
  const check = useQuery({ queryKey: ['check'], queryFn: ({ signal }) => ask('check', { signal }), staleTime: 60_000 });
  return (
    <>
      <Heading title={t('nav policies')} />
      <Panel title={t('policies matrix')}>
        <Asked query={page} tall>
          {(found) => <Matrix page={found} />}
        </Asked>
      </Panel>
      <Panel title={t('policies problems')}>
        <Asked query={check} tall>
          {(found) => <CheckResult found={found} label={t('policies problems')} />}
        </Asked>
      </Panel>
      <Changes />
      {mayTry && (
        <Panel title={t('try title')}>
          <TryPolicy />
        </Panel>
      )}
      <Panel title={t('key title')}>
        <NewKey />
      </Panel>
    </>
  );
}

function Matrix({ page }: { readonly page: Page }): ReactNode {
  const { t } = useTranslation();
  const { roles, tables, errors } = page;
  if (roles.length === 0 && errors.length === 0) return <Empty>{t('policies none')}</Empty>;
  return (
    <>
      {errors.length > 0 && (
        <ul className="note plain bad" lang="en">
          {errors.map((error) => (
            <li key={error}>{error}</li>
          ))}
        </ul>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard. */}
      <section className="scroll tall" tabIndex={0} aria-label={t('policies matrix')}>
        <table className="matrix">
          <caption className="hidden">{t('policies matrix')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('table')}</th>
              {roles.map((role) => (
                <th key={role.name} scope="col" title={role.rule}>
                  {role.name}
                  <RoleBadges role={role} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {tables.map((table) => (
              <tr key={table}>
                <th scope="row">
                  <code>{table}</code>
                </th>
                {roles.map((role) => (
                  <td key={role.name}>
                    <Sees role={role} table={table} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

function RoleBadges({ role }: { readonly role: Role }): ReactNode {
  const { t } = useTranslation();
  return (
    <>
      {role.disabled !== undefined && (
        <>
          {' '}
          <Badge tone="bad">{t('mode disabled')}</Badge>
        </>
      )}
      {role.unrestricted && (
        <>
          {' '}
          <Badge tone="bad">{t('role unrestricted')}</Badge>
        </>
      )}
      {role.mode === 'observe' && (
        <>
          {' '}
          <Badge tone="warn">{t('mode observe')}</Badge>
        </>
      )}
    </>
  );
}

function Sees({ role, table }: { readonly role: Role; readonly table: string }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  if (role.unrestricted) return <Badge tone="bad">{t('seen whole')}</Badge>;
  const seen = role.sees[table];
  if (!seen || (seen.form === 'nothing' && seen.writes.length === 0))
    return <span className="soft">{t('seen nothing')}</span>;
  const words = [
    seen.filtered && t('seen filtered'),
    seen.masked > 0 && t('seen masked', { count: seen.masked, n: formats.number(seen.masked) }),
    seen.withheld > 0 && t('seen withheld', { count: seen.withheld, n: formats.number(seen.withheld) }),
    seen.writes.length > 0 && seen.writes.map((each) => each.toUpperCase()).join(', '),
  ].filter((word) => word !== false);
  const isWhole = seen.form === 'whole' && !seen.filtered;
  return (
    <span className="row" title={seen.rule}>
      {seen.form === 'nothing' ? t('seen nothing') : isWhole ? <Badge tone="warn">{t('seen whole')}</Badge> : null}
      {words.length > 0 && <span>{formats.list(words)}</span>}
    </span>
  );
}

type Change = z.output<typeof policyHistory>['changes'][number];

function Changes(): ReactNode {
  const { t } = useTranslation();
  const column = useColumns<Change>();
  const query = useQuery({ queryKey: ['policyHistory'], queryFn: ({ signal }) => ask('policyHistory', { signal }) });
  const diff = useMutation({ mutationFn: (question: { from: string; to?: string }) => ask('diff', { question }) });
  const columns: Column<Change>[] = [
    column.moment('time', t('time'), { isName: true }),
    column.text('guard', t('guard')),
    { id: 'to', title: t('policy hash'), cell: (row) => <code title={row.to}>{short(row.to)}</code> },
    column.text('by', t('by')),
    column.text('via', t('via')),
    {
      id: 'problems',
      title: t('change problems'),
      look: 'wrap',
      cell: (row) => row.problems?.map((problem) => <p key={problem}>{problem}</p>),
    },
    { id: 'kept', title: t('policy kept'), cell: (row) => (row.kept ? t('yes') : t('no')) },
  ];
  return (
    <Panel title={t('policies history')}>
      <Asked query={query}>
        {({ changes }) => (
          <>
            <DataTable
              label={t('policies history')}
              columns={columns}
              rows={changes}
              keyOf={(row) => `${row.guard} ${row.time} ${row.to}`}
              empty={t('policies history none')}
            />
            <Compare changes={changes} compare={diff.mutate} isPending={diff.isPending} />
          </>
        )}
      </Asked>
      {diff.error && <FailureNote error={diff.error} />}
      {diff.data && <DiffResult found={diff.data} label={t('diff title')} />}
    </Panel>
  );
}

interface CompareProps {
  readonly changes: readonly Change[];
  readonly compare: (question: { from: string; to?: string }) => void;
  readonly isPending: boolean;
}

function Compare({ changes, compare, isPending }: CompareProps): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const kept = [...new Map(changes.filter((change) => change.kept).map((change) => [change.to, change])).values()];
  if (kept.length === 0) return null;
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const to = String(form.get('to'));
    compare({ from: String(form.get('from')), ...(to !== '' && { to }) });
  };
  const options = kept.map(({ to, time }) => (
    <option key={to} value={to}>
      {t('policy of', { time: formats.moment(time), hash: short(to) })}
    </option>
  ));
  return (
    <form onSubmit={submit}>
      <label className="field">
        {t('compare from')}
        <select name="from" defaultValue={kept[1]?.to}>
          {options}
        </select>
      </label>
      <label className="field">
        {t('compare to')}
        <select name="to">
          <option value="">{t('policy folder')}</option>
          {options}
        </select>
      </label>
      <button type="submit" disabled={isPending}>
        {t('compare')}
      </button>
    </form>
  );
}

function short(hash: string): string {
  return hash.replace(/^sha256:/, '').slice(0, 12);
}
