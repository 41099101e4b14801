/** Starts the pages of the console in the browser. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Failure } from './api.ts';
import { App } from './app.tsx';
import { startI18n } from './i18n/i18n.ts';
import './style.css';

/** Of these another try makes nothing else. */
const FINAL: ReadonlySet<string> = new Set([
  'call',
  'signed-out',
  'forbidden',
  'unknown',
  'refused',
  'too-large',
  'unexpected',
]);

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (tries, error) => tries < 2 && !(error instanceof Failure && FINAL.has(error.code)),
      refetchOnWindowFocus: false,
    },
  },
});
// A session that has ended is ended for all pages.
client.getQueryCache().subscribe(({ query }) => {
  const { error } = query.state;
  const isOver = error instanceof Failure && error.code === 'signed-out';
  if (isOver && query.queryKey[0] !== 'session') void client.invalidateQueries({ queryKey: ['session'] });
});

await startI18n();
createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
