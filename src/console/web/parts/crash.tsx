/** Where a page fails while it is drawn, or cannot be loaded: the frame stays, and the page says so. */
import { Component, type ReactNode } from 'react';
import { FailureNote } from './states.tsx';

interface Props {
  readonly children: ReactNode;
}

export class CrashBoundary extends Component<Props, { readonly error?: Error }> {
  override state: { readonly error?: Error } = {};

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error ? <FailureNote error={error} again={() => location.reload()} /> : this.props.children;
  }
}
