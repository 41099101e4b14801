/** The frame around all pages: skip link, navigation, language, who is logged in; and which page belongs to which address. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Component, lazy, type ReactNode, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConsoleRole, SessionInfo } from '../api/session.ts';
import { ask } from './api.ts';
import { chooseLanguage, LANGUAGES } from './i18n/i18n.ts';
import icon from './icon.svg';
import { NowPage } from './pages/now.tsx';
import { Asked, FailureNote, Loading } from './parts/states.tsx';
import { Heading, Link, type Route, Routes, useAddress } from './router.tsx';
import { SessionProvider, useInfo, useMay, useSessionIfAny, useSessionInfo } from './session.tsx';

// Each page but the first comes when it is asked for.
const DecisionsPage = lazy(async () => ({ default: (await import('./pages/decisions.tsx')).DecisionsPage }));
const DecisionPage = lazy(async () => ({ default: (await import('./pages/decision.tsx')).DecisionPage }));
const PrincipalsPage = lazy(async () => ({ default: (await import('./pages/principals.tsx')).PrincipalsPage }));
const PrincipalPage = lazy(async () => ({ default: (await import('./pages/principal.tsx')).PrincipalPage }));
const PersonPage = lazy(async () => ({ default: (await import('./pages/person.tsx')).PersonPage }));
const PoliciesPage = lazy(async () => ({ default: (await import('./pages/policies.tsx')).PoliciesPage }));
const BreachPage = lazy(async () => ({ default: (await import('./pages/breach.tsx')).BreachPage }));

const ROUTES: readonly Route[] = [
  { path: '/', page: () => <NowPage /> },
  { path: '/decisions', page: () => <DecisionsPage /> },
  { path: '/decisions/:id', page: ({ id }) => <DecisionPage key={id} id={id!} /> },
  { path: '/principals', page: () => <PrincipalsPage /> },
  { path: '/principals/:name', page: ({ name }) => <PrincipalPage key={name} name={name!} /> },
  { path: '/person', page: () => <Only least="auditor" page={<PersonPage />} title="nav person" /> },
  { path: '/policies', page: () => <PoliciesPage /> },
  { path: '/breach', page: () => <Only least="auditor" page={<BreachPage />} title="nav breach" /> },
];

const LINKS = [
  { to: '/', words: 'nav now' },
  { to: '/decisions', words: 'nav decisions' },
  { to: '/principals', words: 'nav principals' },
  { to: '/person', words: 'nav person' },
  { to: '/policies', words: 'nav policies' },
  { to: '/breach', words: 'nav breach' },
] as const;

export function App(): ReactNode {
  const info = useSessionInfo();
  const { pathname } = useAddress();
  return (
    <SessionProvider info={info.data ?? NOBODY}>
      <Frame>
        <Asked query={info} tall>
          {(data) =>
            data.session ? (
              <CrashBoundary key={pathname}>
                <Suspense fallback={<Loading tall />}>
                  <Routes routes={ROUTES} other={<NoPage />} />
                </Suspense>
              </CrashBoundary>
            ) : (
              <SignInPage ways={data.login} />
            )
          }
        </Asked>
      </Frame>
    </SessionProvider>
  );
}

/** Until the server has answered. */
const NOBODY: SessionInfo = { version: '', login: [] };

function Frame({ children }: { readonly children: ReactNode }): ReactNode {
  const { t } = useTranslation();
  return (
    <>
      <a className="skip" href="#main">
        {t('skip to content')}
      </a>
      <Bar />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <Foot />
    </>
  );
}

function Bar(): ReactNode {
  const { t } = useTranslation();
  const { pathname } = useAddress();
  return (
    <header className="bar">
      <Link to="/" className="brand">
        <img src={icon} alt="" width="20" height="20" />
        {t('brand')}
      </Link>
      <nav aria-label={t('nav label')}>
        <ul>
          {LINKS.map(({ to, words }) => (
            <li key={to}>
              <Link
                to={to}
                aria-current={pathname === to || (to !== '/' && pathname.startsWith(`${to}/`)) ? 'page' : undefined}
              >
                {t(words)}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <div className="who">
        <Who />
        <LanguageSwitch />
      </div>
    </header>
  );
}

function Who(): ReactNode {
  const { t } = useTranslation();
  const session = useSessionIfAny();
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: () => ask('end'),
    // No data that was read stays in the tab.
    onSettled: () => queries.resetQueries(),
  });
  if (!session) return null;
  return (
    <>
      <span>{t('who as', { name: session.name, role: t(`role ${session.role}`) })}</span>
      <button type="button" onClick={() => end.mutate()} disabled={end.isPending}>
        {t('sign out')}
      </button>
    </>
  );
}

const NAMES = { en: 'English', fr: 'Français' } as const;

function LanguageSwitch(): ReactNode {
  const { t, i18n } = useTranslation();
  return (
    // biome-ignore lint/a11y/useSemanticElements: two buttons in a bar are no fieldset of a form.
    <span role="group" aria-label={t('language')} className="row">
      {LANGUAGES.map((language) => (
        <button
          key={language}
          type="button"
          lang={language}
          aria-pressed={i18n.language === language}
          onClick={() => chooseLanguage(language)}
        >
          {NAMES[language]}
        </button>
      ))}
    </span>
  );
}

function Foot(): ReactNode {
  const { t } = useTranslation();
  const { version } = useInfo();
  const zone = useSessionIfAny()?.timeZone;
  return (
    <footer>
      {version !== '' && <span>{t('foot version', { version })}</span>}
      {zone !== undefined && <span>{t('foot zone', { zone })}</span>}
    </footer>
  );
}

interface OnlyProps {
  readonly least: ConsoleRole;
  readonly title: 'nav person' | 'nav breach';
  readonly page: ReactNode;
}

/** A page that the server would answer with "forbidden" says so at once. */
function Only({ least, title, page }: OnlyProps): ReactNode {
  const { t } = useTranslation();
  if (useMay(least)) return page;
  return (
    <>
      <Heading title={t(title)} />
      <p className="note warn">{t('role needed', { role: t(`role ${least}`) })}</p>
    </>
  );
}

function NoPage(): ReactNode {
  const { t } = useTranslation();
  return (
    <>
      <Heading title={t('no page')} />
      <p>
        <Link to="/">{t('to now')}</Link>
      </p>
    </>
  );
}

function SignInPage({ ways }: { readonly ways: SessionInfo['login'] }): ReactNode {
  const { t } = useTranslation();
  const failed = useAddress().searchParams.get('failed');
  return (
    <>
      <Heading title={t('sign in')} />
      {failed !== null && (
        <div className="note bad" role="alert">
          <p>
            {t(
              failed === 'too-many'
                ? 'problem too-many'
                : failed === 'forbidden'
                  ? 'sign in forbidden'
                  : 'sign in failed',
            )}
          </p>
        </div>
      )}
      {ways.includes('oidc') && (
        <p>
          <a className="button main" href="/login/oidc">
            {t('sign in with provider')}
          </a>
        </p>
      )}
      {ways.includes('link') && <p>{t('sign in by link')}</p>}
    </>
  );
}

interface Props {
  readonly children: ReactNode;
}

class CrashBoundary extends Component<Props, { readonly error?: Error }> {
  override state: { readonly error?: Error } = {};

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error ? <FailureNote error={error} again={() => location.reload()} /> : this.props.children;
  }
}
