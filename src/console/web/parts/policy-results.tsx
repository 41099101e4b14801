/** What is found about a policy: by `check`, `test`, `replay` and `diff`, in the words of the commands. */
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import type { checkFound, diffFound, replayFound, testFound } from '../../api/policies.ts';
import { useFormats } from '../session.tsx';
import { useColumns } from './columns.tsx';
import { Badge, Tile, useReason } from './small.tsx';
import { type Column, DataTable } from './table.tsx';

type Check = z.output<typeof checkFound>;
type Diagnostic = Check['diagnostics'][number];

/** `label`: of its table, which no other one on the page has. */
export function CheckResult({ found, label }: { readonly found: Check; readonly label: string }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const columns: Column<Diagnostic>[] = [
    {
      id: 'severity',
      title: t('severity'),
      isName: true,
      by: (row) => row.severity,
      cell: (row) => <Badge tone={row.severity === 'error' ? 'bad' : 'warn'}>{t(`severity ${row.severity}`)}</Badge>,
    },
    {
      id: 'place',
      title: t('rule'),
      by: (row) => row.file,
      cell: (row) => <code>{`${row.file}:${row.line}:${row.column}`}</code>,
    },
    { id: 'message', title: t('message'), look: 'wrap', cell: (row) => <span lang="en">{row.message}</span> },
  ];
  return (
    <>
      <p>{t('check counts', { roles: formats.number(found.roles), principals: formats.number(found.principals) })}</p>
      {found.unrestricted.length > 0 && (
        <p className="note bad">{t('check unrestricted', { names: formats.list(found.unrestricted) })}</p>
      )}
      {found.observed.length > 0 && (
        <p className="note warn">{t('check observed', { names: formats.list(found.observed) })}</p>
      )}
      <DataTable
        label={label}
        columns={columns}
        rows={found.diagnostics}
        keyOf={(row) => JSON.stringify(row)}
        empty={t('check none')}
      />
    </>
  );
}

type Diff = z.output<typeof diffFound>;

export function DiffResult({ found, label }: { readonly found: Diff; readonly label: string }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const columns: Column<Diff['changes'][number]>[] = [
    {
      id: 'principal',
      title: t('principal'),
      isName: true,
      by: (row) => row.principal ?? '',
      cell: (row) => row.principal ?? t('diff all'),
    },
    {
      id: 'less',
      title: t('diff gives'),
      by: (row) => String(row.less),
      cell: (row) => <Badge tone={row.less ? 'good' : 'warn'}>{row.less ? t('diff less') : t('diff more')}</Badge>,
    },
    { id: 'words', title: t('diff what'), look: 'wrap', cell: (row) => <span lang="en">{row.words}</span> },
  ];
  return (
    <div role="status">
      <Lines lines={found.errors} tone="bad" />
      <p>{t('diff unproven', { count: found.unproven, n: formats.number(found.unproven) })}</p>
      <DataTable
        label={label}
        columns={columns}
        rows={found.changes}
        keyOf={(row) => `${row.principal} ${row.words}`}
        empty={t('diff none')}
      />
      {found.notCompared.length > 0 && (
        <p className="soft">{t('diff not compared', { names: formats.list(found.notCompared) })}</p>
      )}
    </div>
  );
}

type Tests = z.output<typeof testFound>;
const TEST_TONES = { passed: 'good', failed: 'bad', skipped: 'warn', broken: 'bad' } as const;

export function TestResult({ found }: { readonly found: Tests }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const column = useColumns<Tests['results'][number]>();
  const columns: Column<Tests['results'][number]>[] = [
    column.text('name', t('test name'), { isName: true, look: 'wrap' }),
    {
      id: 'result',
      title: t('state'),
      by: (row) => row.status,
      cell: (row) => <Badge tone={TEST_TONES[row.status]}>{t(`test ${row.status}`)}</Badge>,
    },
    { id: 'why', title: t('why'), look: 'wrap', cell: (row) => <span lang="en">{row.differs}</span> },
    { id: 'file', title: t('file'), by: (row) => row.file, cell: (row) => <code>{`${row.file}:${row.line}`}</code> },
  ];
  return (
    <>
      <Lines lines={found.errors} tone="bad" />
      <p>
        {t('test counts', {
          passed: formats.number(found.passed),
          failed: formats.number(found.failed),
          skipped: formats.number(found.skipped),
        })}
      </p>
      <DataTable
        label={t('test title')}
        columns={columns}
        rows={found.results}
        keyOf={(row) => `${row.file}:${row.line} ${row.name}`}
        empty={t('test none')}
      />
    </>
  );
}

type Replay = z.output<typeof replayFound>;
const REPLAY_TONES: Readonly<Record<string, 'good' | 'warn' | 'bad'>> = {
  refused: 'bad',
  narrower: 'warn',
  unknown: 'warn',
};
const REPLAY_KINDS = ['refused', 'narrower', 'allowed', 'wider', 'unknown'] as const;

export function ReplayResult({ found }: { readonly found: Replay }): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const reason = useReason();
  const kindWord = (kind: string): string => {
    const known = REPLAY_KINDS.find((one) => one === kind);
    return known ? t(`replay ${known}`) : kind;
  };
  const column = useColumns<Replay['statements'][number]>();
  const limit = useColumns<Replay['limits'][number]>();
  const columns: Column<Replay['statements'][number]>[] = [
    column.text('principal', t('principal'), { isName: true }),
    {
      id: 'kind',
      title: t('replay becomes'),
      by: (row) => row.kind,
      cell: (row) => <Badge tone={REPLAY_TONES[row.kind]}>{kindWord(row.kind)}</Badge>,
    },
    column.number('count', t('times')),
    column.moment('last', t('last')),
    column.sql('statement', t('statement')),
    {
      id: 'why',
      title: t('why'),
      look: 'wrap',
      cell: (row) => (
        <>
          {row.reason !== undefined && <p>{reason(row.reason)}</p>}
          <p lang="en">{row.message ?? row.words ?? row.why}</p>
          {row.rule !== undefined && <code>{row.rule}</code>}
        </>
      ),
    },
  ];
  return (
    <>
      <Lines lines={found.errors} tone="bad" />
      <p>
        {found.span
          ? t('replay span', { from: formats.moment(found.span.from), to: formats.moment(found.span.to) })
          : t('replay empty')}
      </p>
      <dl className="tiles">
        {(['same', 'refused', 'narrower', 'wider', 'unknown'] as const).map((kind) => (
          <Tile key={kind} term={t(`replay ${kind}`)} isBad={found[kind] > 0 && kind === 'refused'}>
            {formats.number(found[kind])}
          </Tile>
        ))}
      </dl>
      <DataTable
        label={t('replay title')}
        columns={columns}
        rows={found.statements}
        keyOf={(row) => JSON.stringify([row.principal, row.role, row.statement, row.kind, row.last])}
        empty={t('replay none')}
      />
      {found.limits.length > 0 && (
        <DataTable
          label={t('replay limits')}
          rows={found.limits}
          keyOf={(row) => `${row.principal} ${row.name} ${row.effect}`}
          empty={t('none')}
          columns={[
            limit.text('principal', t('principal'), { isName: true }),
            limit.text('name', t('limit')),
            limit.text('effect', t('limit effect')),
            limit.number('count', t('times')),
            limit.code('rule', t('rule')),
          ]}
        />
      )}
    </>
  );
}

function Lines({ lines, tone }: { readonly lines: readonly string[]; readonly tone: 'bad' | 'warn' }): ReactNode {
  if (lines.length === 0) return null;
  return (
    <ul className={`note plain ${tone}`} lang="en">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
