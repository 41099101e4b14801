/** How one logs in here. No page of the console is shown without that. */
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { SessionInfo } from '../../api/session.ts';
import { Heading, useAddress } from '../router.tsx';

export function SignInPage({ ways }: { readonly ways: SessionInfo['login'] }): ReactNode {
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
