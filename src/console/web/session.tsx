/** Who is logged in here, what that one may do, and the formats of dates and numbers that follow from language and the guard's time zone. */
import { useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { type ConsoleRole, ROLES, type SessionInfo } from '../api/session.ts';
import { ask, keepToken } from './api.ts';
import { type Formats, formatsOf } from './format.ts';

interface Here {
  readonly info: SessionInfo;
  readonly formats: Formats;
}

const Context = createContext<Here | undefined>(undefined);

/** Undefined until the server has answered. */
export function useSessionInfo() {
  return useQuery({
    queryKey: ['session'],
    queryFn: async ({ signal }) => {
      const info = await ask('session', { signal });
      keepToken(info.session?.csrf);
      return info;
    },
    staleTime: 60_000,
  });
}

export function SessionProvider({
  info,
  children,
}: {
  readonly info: SessionInfo;
  readonly children: ReactNode;
}): ReactNode {
  const { i18n } = useTranslation();
  const zone = info.session?.timeZone;
  const here = useMemo(() => ({ info, formats: formatsOf(i18n.language, zone) }), [info, i18n.language, zone]);
  return <Context.Provider value={here}>{children}</Context.Provider>;
}

export function useFormats(): Formats {
  return useHere().formats;
}

export function useInfo(): SessionInfo {
  return useHere().info;
}

export function useSessionIfAny(): SessionInfo['session'] {
  return useHere().info.session;
}

function useSession(): NonNullable<SessionInfo['session']> {
  const { session } = useHere().info;
  if (!session) throw new Error('a page was shown without a session');
  return session;
}

export function useName(): string {
  return useSession().name;
}

/** Whether the one who is logged in has this role, or one that may more. */
export function useMay(role: ConsoleRole): boolean {
  return ROLES.indexOf(useSession().role) >= ROLES.indexOf(role);
}

function useHere(): Here {
  const found = useContext(Context);
  if (!found) throw new Error('outside of a session');
  return found;
}
