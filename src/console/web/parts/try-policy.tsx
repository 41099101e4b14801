/** Another policy, tried out: files of the folder edited in the page, or pasted. The server holds them against the log, and applies nothing. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask } from '../api.ts';
import { CheckResult, DiffResult, ReplayResult, TestResult } from './policy-results.tsx';
import { Asked, FailureNote, Loading, PartOf } from './states.tsx';

const DO = ['check', 'diff', 'test', 'replay'] as const;
type Do = (typeof DO)[number];

export function TryPolicy(): ReactNode {
  const files = useQuery({
    queryKey: ['policyFiles'],
    queryFn: ({ signal }) => ask('policyFiles', { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return <Asked query={files}>{({ files }) => <Editor files={files} />}</Asked>;
}

interface EditorProps {
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

function Editor({ files }: EditorProps): ReactNode {
  const { t } = useTranslation();
  const [path, setPath] = useState(files[0]?.path ?? 'roles/new.yaml');
  const [edited, setEdited] = useState<Readonly<Record<string, string>>>({});
  const original = (path: string): string => files.find((file) => file.path === path)?.text ?? '';
  const changed = Object.entries(edited).filter(([path, text]) => text !== original(path));
  const tried = useMutation({
    mutationFn: ({ what, since }: { what: Do[]; since: string }) =>
      ask('try', {
        question: {
          files: changed.map(([path, text]) => ({ path, text })),
          do: what,
          ...(since !== '' && { since }),
        },
      }),
  });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    tried.mutate({ what: DO.filter((one) => form.get(one) !== null), since: String(form.get('since') ?? '').trim() });
  };
  return (
    <>
      <p className="soft">{t('try lead')}</p>
      <form onSubmit={submit}>
        <label className="field">
          {t('file')}
          <input
            name="path"
            list="policy-files"
            value={path}
            onChange={({ target }) => setPath(target.value)}
            spellCheck={false}
            pattern="[A-Za-z0-9_][A-Za-z0-9_.\-]*(/[A-Za-z0-9_][A-Za-z0-9_.\-]*)*\.ya?ml"
            required
          />
        </label>
        <datalist id="policy-files">
          {files.map((file) => (
            <option key={file.path} value={file.path} />
          ))}
        </datalist>
        <button type="button" onClick={() => setEdited({})} disabled={changed.length === 0}>
          {t('try undo')}
        </button>
        <label className="field whole">
          {t('try text', { path })}
          <textarea
            className="code"
            value={edited[path] ?? original(path)}
            onChange={({ target }) => setEdited({ ...edited, [path]: target.value })}
            spellCheck={false}
            translate="no"
          />
        </label>
        <fieldset>
          <legend>{t('try do')}</legend>
          {DO.map((one) => (
            <label key={one} className="check">
              <input type="checkbox" name={one} defaultChecked={one !== 'replay'} />
              {t(`try ${one}`)}
            </label>
          ))}
        </fieldset>
        <label className="field">
          {t('try since')}
          <input name="since" maxLength={40} defaultValue="7d" spellCheck={false} />
        </label>
        <button type="submit" className="main" disabled={changed.length === 0 || tried.isPending}>
          {t('try go')}
        </button>
        <p className="soft" role="status">
          {changed.length === 0
            ? t('try unchanged')
            : t('try changed', { count: changed.length, names: changed.map(([path]) => path).join(', ') })}
        </p>
      </form>
      {tried.isPending && <Loading tall />}
      {tried.error && <FailureNote error={tried.error} />}
      {tried.data && (
        <>
          {tried.data.check && (
            <>
              <h3>{t('try check')}</h3>
              <PartOf part={tried.data.check}>
                {(found) => <CheckResult found={found} label={t('try problems')} />}
              </PartOf>
            </>
          )}
          {tried.data.diff && (
            <>
              <h3>{t('try diff')}</h3>
              <PartOf part={tried.data.diff}>
                {(found) => <DiffResult found={found} label={t('try differences')} />}
              </PartOf>
            </>
          )}
          {tried.data.test && (
            <>
              <h3>{t('try test')}</h3>
              <PartOf part={tried.data.test}>{(found) => <TestResult found={found} />}</PartOf>
            </>
          )}
          {tried.data.replay && (
            <>
              <h3>{t('try replay')}</h3>
              <PartOf part={tried.data.replay}>{(found) => <ReplayResult found={found} />}</PartOf>
            </>
          )}
        </>
      )}
    </>
  );
}
