/** What a page shows instead of its content: while it loads, if there is none, if loading failed, and if the content is old. */
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Part, Problem } from '../../api/values.ts';
import { type Code, Failure } from '../api.ts';
import { useFormats } from '../session.tsx';

interface AskedProps<T> {
  readonly query: UseQueryResult<T>;
  /** For what is tall when it has come. */
  readonly tall?: boolean;
  readonly children: (value: T) => ReactNode;
}

export function Asked<T>({ query, tall, children }: AskedProps<T>): ReactNode {
  const { t } = useTranslation();
  const formats = useFormats();
  const { data, error, dataUpdatedAt, refetch } = query;
  if (data === undefined) {
    if (error) return <FailureNote error={error} again={() => void refetch()} />;
    return <Loading tall={tall ?? false} />;
  }
  return (
    <>
      {error && (
        <div className="note warn" role="status">
          <p>{t('state stale', { time: formats.clock(dataUpdatedAt) })}</p>
          <FailureText error={error} />
          <button type="button" onClick={() => void refetch()}>
            {t('try again')}
          </button>
        </div>
      )}
      {children(data)}
    </>
  );
}

export function Loading({ tall = false }: { readonly tall?: boolean }): ReactNode {
  const { t } = useTranslation();
  return (
    <div className={tall ? 'loading tall' : 'loading'} role="status">
      {t('state loading')}
    </div>
  );
}

export function Empty({ children }: { readonly children: ReactNode }): ReactNode {
  return <p className="empty">{children}</p>;
}

interface FailureProps {
  readonly error: Error;
  readonly again?: () => void;
}

export function FailureNote({ error, again }: FailureProps): ReactNode {
  const { t } = useTranslation();
  return (
    <div className="note bad" role="alert">
      <FailureText error={error} />
      {again && (
        <button type="button" onClick={again}>
          {t('try again')}
        </button>
      )}
    </div>
  );
}

function FailureText({ error }: { readonly error: Error }): ReactNode {
  const known = error instanceof Failure ? error : new Failure('unexpected', error.message);
  return <ProblemText code={known.code} message={known.message} hint={known.hint} />;
}

/** The kind of problem in the reader's language, and below it the server's message unchanged. */
function ProblemText({ code, message, hint }: { code: Code; message: string; hint?: string | undefined }): ReactNode {
  const { t } = useTranslation();
  return (
    <>
      <p>{t(`problem ${code}`)}</p>
      {message !== '' && (
        <p>
          <code lang="en">{message}</code>
        </p>
      )}
      {hint && <p lang="en">{hint}</p>}
    </>
  );
}

export function ProblemNote({ problem }: { readonly problem: Problem }): ReactNode {
  return (
    <div className="note warn">
      <ProblemText {...problem} />
    </div>
  );
}

/** A part of an answer: its source may have failed while others did not. */
export function PartOf<T>({ part, children }: { part: Part<T>; children: (value: T) => ReactNode }): ReactNode {
  return part.ok ? children(part.value) : <ProblemNote problem={part.problem} />;
}
