/** What an operator may do: each action is a dialog that asks for the reason, which the decision log records with the operator's name. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask } from '../api.ts';
import { canSign, makeKey, signWithKey } from '../security-key.ts';
import { useMay, useName } from '../session.tsx';
import { Asked, FailureNote } from './states.tsx';

interface ActProps {
  /** On the button and above the dialog. */
  readonly title: string;
  /** Of what this is done: in the dialog, and read out with the button. */
  readonly subject: string;
  readonly isDanger?: boolean;
  readonly send: (given: FormData) => Promise<unknown>;
  readonly children: ReactNode;
}

/** Nothing for those who may not act. */
function Act({ title, subject, isDanger = false, send, children }: ActProps): ReactNode {
  const { t } = useTranslation();
  const may = useMay('operator');
  const queries = useQueryClient();
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [isOpen, setOpen] = useState(false);
  const act = useMutation({
    mutationFn: send,
    async onSuccess() {
      dialog.current?.close();
      await queries.invalidateQueries();
    },
  });
  if (!may) return null;
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    // With the button that was pressed, where it has a name.
    act.mutate(new FormData(event.currentTarget, (event.nativeEvent as SubmitEvent).submitter));
  };
  const open = (): void => {
    act.reset();
    setOpen(true);
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" className={isDanger ? 'small danger' : 'small'} onClick={open}>
        {title} <span className="hidden">{subject}</span>
      </button>
      <dialog ref={dialog} aria-labelledby={heading} onClose={() => setOpen(false)}>
        {isOpen && (
          <>
            <h2 id={heading}>{title}</h2>
            <p>{subject}</p>
            <form onSubmit={submit}>
              {children}
              {act.error && (
                <div className="whole">
                  <FailureNote error={act.error} />
                </div>
              )}
              <button type="submit" className="main" disabled={act.isPending}>
                {title}
              </button>
              <button type="button" onClick={() => dialog.current?.close()}>
                {t('cancel')}
              </button>
            </form>
          </>
        )}
      </dialog>
    </>
  );
}

function Reason(): ReactNode {
  const { t } = useTranslation();
  return (
    <label className="field">
      {t('act reason')}
      <input name="reason" required maxLength={500} autoComplete="off" />
    </label>
  );
}

export interface Holder {
  readonly guard: string;
  readonly principal: string;
  readonly user?: string | undefined;
}

function useHolderWords(): (holder: Holder) => string {
  const { t } = useTranslation();
  return ({ guard, principal, user }) =>
    user === undefined ? t('holder at', { principal, guard }) : t('holder user at', { principal, user, guard });
}

function orderOf({ guard, principal, user }: Holder, given: FormData) {
  return { guard, principal, ...(user !== undefined && { user }), reason: String(given.get('reason')) };
}

export function Lock({ holder }: { readonly holder: Holder }): ReactNode {
  const { t } = useTranslation();
  const words = useHolderWords();
  const send = (given: FormData) => {
    const minutes = Number(given.get('minutes'));
    return ask('lock', { question: { ...orderOf(holder, given), ...(minutes > 0 && { forMinutes: minutes }) } });
  };
  return (
    <Act title={t('act lock')} subject={words(holder)} isDanger send={send}>
      <Reason />
      <label className="field">
        {t('act minutes')}
        <input name="minutes" type="number" min={1} max={44_640} step={1} />
      </label>
    </Act>
  );
}

export function Release({ holder }: { readonly holder: Holder }): ReactNode {
  const { t } = useTranslation();
  const words = useHolderWords();
  const send = (given: FormData) => ask('release', { question: orderOf(holder, given) });
  return (
    <Act title={t('act release')} subject={words(holder)} send={send}>
      <Reason />
    </Act>
  );
}

export interface Exception {
  readonly guard: string;
  readonly what: 'permit' | 'raise' | 'break-glass' | 'observation';
  readonly id: string;
  /** The text that is signed; absent if no signature is needed. */
  readonly text?: string | undefined;
}

export function Approve({
  exception,
  subject,
}: {
  readonly exception: Exception;
  readonly subject: string;
}): ReactNode {
  const { t } = useTranslation();
  const { guard, what, id, text } = exception;
  const send = async (given: FormData) => {
    const byKey = given.has('key');
    const signature = byKey ? await signedHere({ guard, what, id, text }) : String(given.get('signature'));
    return ask('approve', { question: { guard, what, id, signature } });
  };
  return (
    <Act title={t('act approve')} subject={subject} send={send}>
      <div className="whole">
        <h3>{t('act signed text')}</h3>
        <pre translate="no">{text}</pre>
      </div>
      {canSign() && (
        <button type="submit" name="key" className="whole" formNoValidate>
          {t('act by key')}
        </button>
      )}
      <div className="whole">
        <h3>{t('act commands')}</h3>
        <Commands {...{ guard, what, id }} />
      </div>
      <label className="field">
        {t('act signature')}
        <textarea name="signature" className="code" rows={6} required spellCheck={false} placeholder={ARMOUR} />
      </label>
    </Act>
  );
}

async function signedHere({ text = '', ...question }: Exception) {
  const { namespace } = await ask('signCommands', { question });
  return signWithKey(text, namespace);
}

/** Makes a key for a future approver: the printed line is for those who write the policies. */
export function NewKey(): ReactNode {
  const { t } = useTranslation();
  const name = useName();
  const made = useMutation({ mutationFn: () => makeKey(name) });
  return (
    <div className="stack">
      <p>{canSign() ? t('key about') : t('key none here')}</p>
      {canSign() && (
        <p>
          <button type="button" disabled={made.isPending} onClick={() => made.mutate()}>
            {t('key make')}
          </button>
        </p>
      )}
      {made.error && <FailureNote error={made.error} />}
      {made.data !== undefined && (
        <>
          <p role="status">{t('key line')}</p>
          <pre translate="no">{made.data}</pre>
        </>
      )}
    </div>
  );
}

const ARMOUR = '-----BEGIN SSH SIGNATURE-----';

function Commands(question: Pick<Exception, 'guard' | 'what' | 'id'>): ReactNode {
  const query = useQuery({
    queryKey: ['commands', question],
    queryFn: ({ signal }) => ask('signCommands', { question, signal }),
  });
  return <Asked query={query}>{({ commands }) => <pre translate="no">{commands.join('\n')}</pre>}</Asked>;
}

/** Revokes a permit or a raise, closes an opening, or ends an observation: asked for or in force. */
export function Refuse({ exception, subject }: { readonly exception: Exception; readonly subject: string }): ReactNode {
  const { t } = useTranslation();
  const { guard, what, id } = exception;
  const send = (given: FormData) =>
    ask('refuse', { question: { guard, what, id, reason: String(given.get('reason')) } });
  return (
    <Act title={t('act refuse')} subject={subject} isDanger send={send}>
      <Reason />
    </Act>
  );
}
