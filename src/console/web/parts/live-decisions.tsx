/** Live decisions: the list can be paused and filtered, and each decision opened. */
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { EFFECTS } from '../../api/decisions.ts';
import type { Filter, Live } from '../live.ts';
import { useFormats } from '../session.tsx';
import { DecisionList } from './decision-list.tsx';
import { Badge, useEffectWord } from './small.tsx';

interface LiveDecisionsProps {
  readonly live: Live;
  readonly isHeld: boolean;
  readonly hold: (isHeld: boolean) => void;
  readonly filter: Filter;
  readonly choose: (filter: Filter) => void;
}

export function LiveDecisions({ live, isHeld, hold, filter, choose }: LiveDecisionsProps): ReactNode {
  const { t } = useTranslation();
  const { number } = useFormats();
  const word = useEffectWord();
  return (
    <>
      <form onSubmit={(event) => event.preventDefault()}>
        <label className="field">
          {t('principal')}
          <input
            value={filter.principal ?? ''}
            onChange={({ target }) => choose({ ...filter, principal: target.value || undefined })}
            spellCheck={false}
          />
        </label>
        <label className="field">
          {t('role')}
          <input
            value={filter.role ?? ''}
            onChange={({ target }) => choose({ ...filter, role: target.value || undefined })}
            spellCheck={false}
          />
        </label>
        <label className="field">
          {t('effect')}
          <select
            value={filter.effect ?? ''}
            onChange={({ target }) => choose({ ...filter, effect: target.value || undefined })}
          >
            <option value="">{t('all effects')}</option>
            {EFFECTS.map((effect) => (
              <option key={effect} value={effect}>
                {word(effect)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" aria-pressed={isHeld} onClick={() => hold(!isHeld)}>
          {t('live hold')}
        </button>
        <LiveState state={live.state} isHeld={isHeld} />
      </form>
      <p className="soft" role="status">
        {live.dropped > 0 ? t('live dropped', { count: live.dropped, n: number(live.dropped) }) : '\u00a0'}
      </p>
      <DecisionList label={t('live label')} decisions={live.decisions} empty={t('live empty')} />
    </>
  );
}

const TONES = { connecting: undefined, open: 'good', lost: 'bad' } as const;

export function LiveState({ state, isHeld }: { readonly state: Live['state']; readonly isHeld: boolean }): ReactNode {
  const { t } = useTranslation();
  if (isHeld && state === 'open') return <Badge tone="warn">{t('live held')}</Badge>;
  return <Badge tone={TONES[state]}>{t(`live ${state}`)}</Badge>;
}
