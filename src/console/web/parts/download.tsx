/** A button that asks for a document and hands it to the browser as a file. */
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { type Ask, askDocument } from '../api.ts';
import { FailureNote } from './states.tsx';

interface DownloadProps<R extends 'personReport' | 'breachReport'> {
  readonly route: R;
  /** Asked for when the button is pressed. */
  readonly question: () => NonNullable<Ask<R>['question']>;
  readonly file: string;
  readonly children: ReactNode;
}

export function Download<R extends 'personReport' | 'breachReport'>(props: DownloadProps<R>): ReactNode {
  const { route, question, file, children } = props;
  const fetched = useMutation({
    mutationFn: () => askDocument(route, { question: question() } as Ask<R>),
    onSuccess: (document) => save(document, file),
  });
  return (
    <>
      <button type="button" onClick={() => fetched.mutate()} disabled={fetched.isPending}>
        {children}
      </button>
      {fetched.error && (
        <div className="whole">
          <FailureNote error={fetched.error} />
        </div>
      )}
    </>
  );
}

function save(content: Blob, file: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
