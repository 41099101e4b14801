/** Small things that many pages show: panels, badges, amounts of a limit, statements, links to principals and decisions. */
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { z } from 'zod';
import { isReason, REASONS } from '../../../core/reasons.ts';
import { FR_REASONS } from '../../../decision-log/language/fr.ts';
import { atLeast, atMost } from '../../../decision-log/reports/people-bounds.ts';
import type { peopleShown } from '../../api/breach.ts';
import { Link } from '../router.tsx';
import { useFormats } from '../session.tsx';

interface PanelProps {
  readonly title: string;
  /** Shown beside the title. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

export function Panel({ title, aside, children }: PanelProps): ReactNode {
  return (
    <section className="panel">
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | undefined;

export function Badge({ tone, children }: { readonly tone?: Tone; readonly children: ReactNode }): ReactNode {
  return <span className={tone ? `badge ${tone}` : 'badge'}>{children}</span>;
}

const EFFECT_TONES: Readonly<Record<string, Tone>> = {
  allow: 'good',
  rewrite: undefined,
  refuse: 'bad',
  throttle: 'warn',
  lock: 'bad',
};
const EFFECTS = ['allow', 'rewrite', 'refuse', 'throttle', 'lock'] as const;

export function useEffectWord(): (effect: string) => string {
  const { t } = useTranslation();
  return (effect) => {
    const known = EFFECTS.find((one) => one === effect);
    return known ? t(`effect ${known}`) : effect;
  };
}

/** The effect of a decision; in observe mode also the effect that it would have had. */
export function Effect({ effect, would }: { readonly effect: string; readonly would?: string | undefined }): ReactNode {
  const { t } = useTranslation();
  const word = useEffectWord();
  return (
    <>
      <Badge tone={EFFECT_TONES[effect]}>{word(effect)}</Badge>
      {would !== undefined && would !== effect && (
        <>
          {' '}
          <Badge tone={EFFECT_TONES[would]}>{t('effect would', { effect: word(would) })}</Badge>
        </>
      )}
    </>
  );
}

/** What a reason means, in the reader's language; unknown words are shown unchanged. */
export function useReason(): (reason: string) => string {
  const { i18n } = useTranslation();
  return (reason) => {
    if (!isReason(reason)) return reason;
    return i18n.language === 'fr' ? FR_REASONS[reason] : REASONS[reason].meaning;
  };
}

interface LevelProps {
  readonly used: number;
  readonly of: number;
}

/** How much of an amount is used, as numbers and as a bar. */
export function Level({ used, of }: LevelProps): ReactNode {
  const { t } = useTranslation();
  const { number } = useFormats();
  const share = of > 0 ? used / of : used > 0 ? 1 : 0;
  const tone = share >= 1 ? ' bad' : share >= 0.8 ? ' warn' : '';
  return (
    <span className={`level${tone}`}>
      <span aria-hidden="true">
        <span style={{ width: `${Math.min(1, share) * 100}%` }} />
      </span>
      <span>{t('used of', { used: number(used), of: number(of) })}</span>
    </span>
  );
}

/** Text of a client, whatever it is: shown, never taken for anything else. */
export function Sql({ children }: { readonly children: string | undefined | null }): ReactNode {
  const { t } = useTranslation();
  if (children === undefined || children === null) return <span className="soft">{t('no text')}</span>;
  return <code translate="no">{children}</code>;
}

export function PrincipalLink({ name }: { readonly name: string }): ReactNode {
  return <Link to={`/principals/${encodeURIComponent(name)}`}>{name}</Link>;
}

export function DecisionLink({ id, children }: { readonly id: string; readonly children: ReactNode }): ReactNode {
  return <Link to={`/decisions/${encodeURIComponent(id)}`}>{children}</Link>;
}

export type Fact = readonly [term: string, value: ReactNode];

/** Terms and their values; unknown ones are left out. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }): ReactNode {
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([term, value]) => (
          <div key={term} className="contents">
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

interface TileProps {
  readonly term: string;
  readonly isBad?: boolean;
  readonly children: ReactNode;
}

/** One figure of several in a list of the class `tiles`. */
export function Tile({ term, isBad = false, children }: TileProps): ReactNode {
  return (
    <div>
      <dt>{term}</dt>
      <dd className={isBad ? 'bad' : undefined}>{children}</dd>
    </div>
  );
}

/** Of each subject how many people were shown: between two numbers, where statements told of people without naming them. */
export function PeopleTiles({ people }: { readonly people: readonly z.output<typeof peopleShown>[] }): ReactNode {
  const { t } = useTranslation();
  const { number } = useFormats();
  return people.map((each) => {
    const [least, most] = [atLeast(each), atMost(each)];
    return (
      <Tile key={each.subject} term={t('people of', { subject: each.subject })}>
        {least === most ? number(least) : t('people from to', { least: number(least), most: number(most) })}
      </Tile>
    );
  });
}
