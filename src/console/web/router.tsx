/** Addresses of pages over the browser's history: which page is shown, links between pages, and where the focus goes after one was followed. */
import {
  type AnchorHTMLAttributes,
  createContext,
  type MouseEvent,
  type ReactNode,
  useContext,
  useEffect,
  useSyncExternalStore,
} from 'react';

const CHANGED = 'rowgate:address';

function subscribe(changed: () => void): () => void {
  addEventListener('popstate', changed);
  addEventListener(CHANGED, changed);
  return () => {
    removeEventListener('popstate', changed);
    removeEventListener(CHANGED, changed);
  };
}

/** Path and query of the page that is shown. */
export function useAddress(): URL {
  return new URL(useSyncExternalStore(subscribe, () => location.href));
}

/** With `replace` the history gets no entry: for filters, which change with each letter. */
export function go(to: string, { replace = false } = {}): void {
  if (new URL(to, location.href).href === location.href) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  dispatchEvent(new Event(CHANGED));
}

type LinkProps = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> & { readonly to: string };

/** A link to a page of the console. Opening it in a new tab or window is left to the browser. */
export function Link({ to, onClick, ...rest }: LinkProps): ReactNode {
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !isPlain) return;
    event.preventDefault();
    go(to);
  };
  return <a href={to} onClick={follow} {...rest} />;
}

export interface Route {
  /** `/principals/:name` */
  readonly path: string;
  readonly page: (parameters: Readonly<Record<string, string>>) => ReactNode;
}

/** The values in a path for the names in a route's path; undefined if the path is another page. */
function matchPath(route: string, path: string): Record<string, string> | undefined {
  const wanted = route.split('/');
  const found = path.replace(/(?<=.)\/$/, '').split('/');
  if (wanted.length !== found.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const given = found[at]!;
    if (!part.startsWith(':')) {
      if (part !== given) return undefined;
      continue;
    }
    try {
      parameters[part.slice(1)] = decodeURIComponent(given);
    } catch {
      return undefined;
    }
  }
  return parameters;
}

export function Routes({ routes, other }: { readonly routes: readonly Route[]; readonly other: ReactNode }): ReactNode {
  const { pathname } = useAddress();
  for (const { path, page } of routes) {
    const parameters = matchPath(path, pathname);
    if (parameters) return <Visit.Provider value={pathname}>{page(parameters)}</Visit.Provider>;
  }
  return other;
}

const Visit = createContext('');

/** After a link was followed, a screen reader goes on at the heading of the new page. */
let isFirst = true;

/** The page's one heading of the first rank, and the title of the tab. */
export function Heading({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  const visit = useContext(Visit);
  useEffect(() => {
    document.title = `${title} · Rowgate`;
  }, [title]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page of the same kind at another address is another page.
  useEffect(() => {
    if (!isFirst) {
      scrollTo(0, 0);
      document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
    }
    isFirst = false;
  }, [visit]);
  return (
    <h1 tabIndex={-1}>
      {title}
      {children}
    </h1>
  );
}
