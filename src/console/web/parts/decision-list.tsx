/** Decisions in a table: live, found, or of one session. */
import { type ReactNode, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { DecisionRow } from '../../api/decisions.ts';
import { useFormats } from '../session.tsx';
import { useColumns } from './columns.tsx';
import { DecisionLink, Effect, Sql, useReason } from './small.tsx';
import { type Column, DataTable } from './table.tsx';

interface DecisionListProps {
  readonly label: string;
  readonly decisions: readonly DecisionRow[];
  readonly empty: string;
  /** Its line is marked. */
  readonly current?: string;
  /** Left out where all are of one. */
  readonly withPrincipal?: boolean;
}

export function DecisionList({ label, decisions, empty, current, withPrincipal = true }: DecisionListProps): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const reason = useReason();
  const column = useColumns<DecisionRow>();
  const columns = useMemo(
    (): Column<DecisionRow>[] => [
      {
        id: 'time',
        title: t('time'),
        isName: true,
        by: (row) => row.time,
        cell: (row) => <DecisionLink id={row.id}>{formats.instant(row.time)}</DecisionLink>,
      },
      ...(withPrincipal ? [column.principal('principal', t('principal'))] : []),
      {
        id: 'effect',
        title: t('effect'),
        by: (row) => row.effect,
        cell: (row) => <Effect effect={row.effect} would={row.would} />,
      },
      {
        id: 'statement',
        title: t('statement'),
        look: 'clip',
        cell: (row) => <Sql>{row.statement ?? row.command}</Sql>,
      },
      column.number('rows', t('rows')),
      column.duration('ms', t('took')),
      {
        id: 'reason',
        title: t('reason'),
        by: (row) => row.reason,
        cell: (row) => row.reason && <span title={row.rule}>{reason(row.reason)}</span>,
      },
    ],
    [t, formats, reason, column, withPrincipal],
  );
  return (
    <DataTable
      label={label}
      columns={columns}
      rows={decisions}
      keyOf={(row) => row.id}
      empty={empty}
      isCurrent={(row) => row.id === current}
    />
  );
}
