/** Decisions: as they come, or found in the log. The address contains the filters, except texts and end users: these may be names of people. */
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import { type decisionsQuestion, EFFECTS, effect as effectSchema } from '../../api/decisions.ts';
import { ask } from '../api.ts';
import { type Filter, useLive } from '../live.ts';
import { DecisionList } from '../parts/decision-list.tsx';
import { LiveDecisions } from '../parts/live-decisions.tsx';
import { Panel, useEffectWord } from '../parts/small.tsx';
import { Asked } from '../parts/states.tsx';
import { go, Heading, Link, useAddress } from '../router.tsx';
import { useFormats } from '../session.tsx';

type Question = z.input<typeof decisionsQuestion>;

export function DecisionsPage(): ReactNode {
  const { t } = useTranslation();
  const { searchParams } = useAddress();
  const isLog = searchParams.get('in') === 'log';
  return (
    <>
      <Heading title={t('nav decisions')} />
      <nav className="row" aria-label={t('decisions ways')}>
        <Link to="/decisions" className="button" aria-current={isLog ? undefined : 'page'}>
          {t('decisions live')}
        </Link>
        <Link to="/decisions?in=log" className="button" aria-current={isLog ? 'page' : undefined}>
          {t('decisions in log')}
        </Link>
      </nav>
      {isLog ? <Search /> : <Coming />}
    </>
  );
}

function filterOf(parameters: URLSearchParams): Filter {
  const effect = effectSchema.safeParse(parameters.get('effect'));
  return {
    principal: parameters.get('principal') ?? undefined,
    role: parameters.get('role') ?? undefined,
    effect: effect.success ? effect.data : undefined,
  };
}

function addressFor(fields: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value) parameters.set(name, value);
  return parameters.size > 0 ? `/decisions?${parameters}` : '/decisions';
}

function Coming(): ReactNode {
  const { t } = useTranslation();
  const filter = filterOf(useAddress().searchParams);
  const [isHeld, setHeld] = useState(false);
  const live = useLive(filter, isHeld);
  return (
    <Panel title={t('live title')}>
      <LiveDecisions
        live={live}
        isHeld={isHeld}
        hold={setHeld}
        filter={filter}
        choose={(chosen) => go(addressFor({ ...chosen }), { replace: true })}
      />
    </Panel>
  );
}

const IN_ADDRESS = ['principal', 'role', 'effect', 'reason', 'table', 'column', 'since', 'until'] as const;
/** What the address must not hold, kept for the way back to this page while the tab is open. */
let unaddressed: { readonly text?: string; readonly user?: string } = {};

function Search(): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const { searchParams } = useAddress();
  const word = useEffectWord();
  const [kept, setKept] = useState(unaddressed);
  const given = Object.fromEntries(IN_ADDRESS.map((name) => [name, searchParams.get(name) || undefined]));
  const question = { ...given, ...kept } as Question;
  const query = useQuery({
    queryKey: ['decisions', question],
    queryFn: ({ signal }) => ask('decisions', { question, signal }),
  });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string): string | undefined => String(form.get(name) ?? '').trim() || undefined;
    const [text, user] = [value('text'), value('user')];
    unaddressed = { ...(text !== undefined && { text }), ...(user !== undefined && { user }) };
    setKept(unaddressed);
    go(addressFor({ in: 'log', ...Object.fromEntries(IN_ADDRESS.map((name) => [name, value(name)])) }));
    void query.refetch();
  };
  const field = (name: string, label: string, initial: string | undefined): ReactNode => (
    <label className="field">
      {label}
      <input name={name} defaultValue={initial ?? ''} spellCheck={false} autoComplete="off" maxLength={500} />
    </label>
  );
  return (
    <Panel title={t('decisions in log')}>
      <form onSubmit={submit} key={searchParams.toString()}>
        {field('principal', t('principal'), given.principal)}
        {field('user', t('end user'), kept.user)}
        {field('role', t('role'), given.role)}
        <label className="field">
          {t('effect')}
          <select name="effect" defaultValue={given.effect ?? ''}>
            <option value="">{t('all effects')}</option>
            {EFFECTS.map((effect) => (
              <option key={effect} value={effect}>
                {word(effect)}
              </option>
            ))}
          </select>
        </label>
        {field('reason', t('reason word'), given.reason)}
        {field('table', t('table'), given.table)}
        {field('column', t('column'), given.column)}
        {field('text', t('text in statement'), kept.text)}
        {field('since', t('since'), given.since)}
        {field('until', t('until'), given.until)}
        <button type="submit" className="main">
          {t('find')}
        </button>
        <p className="whole soft">{t('moment hint')}</p>
      </form>
      <Asked query={query} tall>
        {({ decisions }) => (
          <>
            <p role="status">
              {t('found decisions', { count: decisions.length, n: formats.number(decisions.length) })}
            </p>
            <DecisionList label={t('decisions in log')} decisions={decisions} empty={t('found none')} />
          </>
        )}
      </Asked>
    </Panel>
  );
}
