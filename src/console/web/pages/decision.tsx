/** One decision: the statement, the text that was sent and why, the rule, what to grant, the outcome, and its neighbours in the session. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { DecisionRow, DecisionPage as Page } from '../../api/decisions.ts';
import { ask } from '../api.ts';
import { DecisionList } from '../parts/decision-list.tsx';
import { Effect, type Fact, Facts, Level, Panel, PrincipalLink, Sql, useReason } from '../parts/small.tsx';
import { Asked, Empty, PartOf } from '../parts/states.tsx';
import { Heading } from '../router.tsx';
import { useFormats } from '../session.tsx';

export function DecisionPage({ id }: { readonly id: string }): ReactNode {
  const { t } = useTranslation();
  const query = useQuery({
    queryKey: ['decision', id],
    queryFn: ({ signal }) => ask('decision', { path: id, signal }),
    staleTime: 60_000,
  });
  return (
    <>
      <Heading title={t('decision title', { id })} />
      <Asked query={query} tall>
        {(page) => <Found page={page} />}
      </Asked>
    </>
  );
}

function Found({ page }: { readonly page: Page }): ReactNode {
  const { t } = useTranslation();
  const { decision, neighbours } = page;
  return (
    <>
      <div className="panels">
        <Panel title={t('decision what')}>
          <Facts facts={useWhat(decision)} />
        </Panel>
        <Panel title={t('decision outcome')}>
          <Facts facts={useOutcome(decision)} />
        </Panel>
      </div>
      <Panel title={t('statement')}>
        <pre>
          <Sql>{decision.statement}</Sql>
        </pre>
        <PartOf part={page.explained}>{(explained) => <Explained explained={explained} />}</PartOf>
      </Panel>
      <Panel title={t('decision rule')}>
        {decision.rule === undefined ? (
          <Empty>{t('decision no rule')}</Empty>
        ) : (
          <PartOf part={page.rule}>{(rule) => <RuleLines {...rule} />}</PartOf>
        )}
      </Panel>
      <Panel title={t('decision neighbours')}>
        <DecisionList
          label={t('decision neighbours')}
          decisions={neighbours}
          empty={t('none')}
          current={decision.id}
          withPrincipal={false}
        />
      </Panel>
    </>
  );
}

function useWhat(decision: DecisionRow): Fact[] {
  const { t } = useTranslation();
  const formats = useFormats();
  const reason = useReason();
  const { limit } = decision;
  return [
    [t('effect'), <Effect key="effect" effect={decision.effect} would={decision.would} />],
    [t('reason'), decision.reason && reason(decision.reason)],
    [t('limit'), limit?.name],
    [t('used'), limit && <Level key="limit" used={limit.used} of={limit.of} />],
    [t('time'), formats.instant(decision.time)],
    [t('principal'), <PrincipalLink key="principal" name={decision.principal} />],
    [t('end user'), decision.user],
    [t('role'), decision.role],
    [t('client'), decision.client],
    [t('application'), decision.application],
    [t('guard'), decision.guard],
    [t('session'), decision.session && <code key="session">{decision.session}</code>],
    [t('tables'), decision.tables && formats.list(decision.tables)],
    [t('columns'), decision.columns && formats.list(decision.columns)],
  ];
}

function useOutcome(decision: DecisionRow): Fact[] {
  const { t } = useTranslation();
  const formats = useFormats();
  const { status, rows, bytes, changed, ms, sqlstate, people } = decision;
  const number = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : formats.number(value);
  if (status === undefined) return [[t('status'), t('no outcome')]];
  return [
    [t('status'), status],
    [t('rows'), number(rows)],
    [t('bytes'), bytes === undefined ? undefined : formats.bytes(bytes)],
    [t('changed'), number(changed)],
    ...Object.entries(people ?? {}).map(([subject, count]): Fact => [t('people of', { subject }), number(count)]),
    [t('took'), ms === undefined ? undefined : formats.duration(ms)],
    [t('sqlstate'), sqlstate],
  ];
}

type ExplainedValue = Extract<Page['explained'], { readonly ok: true }>['value'];

function Explained({ explained }: { readonly explained: ExplainedValue }): ReactNode {
  const { t } = useTranslation();
  const { sql, message, hint, advice, same } = explained;
  return (
    <>
      {!same && <p className="note warn">{t('explained otherwise')}</p>}
      <h3>{t('explained sent')}</h3>
      {sql === null ? (
        <p>{t('explained nothing sent')}</p>
      ) : (
        <pre>
          <Sql>{sql}</Sql>
        </pre>
      )}
      {message !== null && (
        <>
          <h3>{t('explained told')}</h3>
          <p lang="en">{message}</p>
          {hint !== null && <p lang="en">{hint}</p>}
        </>
      )}
      {advice && (
        <>
          <h3>{t('explained advice')}</h3>
          <p lang="en">{advice.text}</p>
          {advice.snippet !== undefined && <pre translate="no">{advice.snippet}</pre>}
        </>
      )}
    </>
  );
}

interface RuleLinesProps {
  readonly file: string;
  readonly line: number;
  readonly first: number;
  readonly lines: readonly string[];
}

function RuleLines({ file, line, first, lines }: RuleLinesProps): ReactNode {
  const { t } = useTranslation();
  return (
    <>
      <p className="soft">{t('rule at', { file, line })}</p>
      <pre className="code-lines" translate="no">
        {lines.map((text, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number.
          <span key={first + at} className={first + at === line ? 'current' : undefined}>
            <i>{first + at}</i>
            {text}
          </span>
        ))}
      </pre>
    </>
  );
}
