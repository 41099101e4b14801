/** All that the console answers: login, the API, the built pages. */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, getCookie } from 'hono/cookie';
import { version } from '../app/version.ts';
import type { Ground } from './ground.ts';
import { answerLogins, cookiesOf, type Logins } from './login.ts';
import { actingPages } from './pages/acting.ts';
import { breachPages } from './pages/breach.ts';
import { decisionPages } from './pages/decisions.ts';
import { logPages } from './pages/logs.ts';
import { peoplePages } from './pages/people.ts';
import { policyPages } from './pages/policies.ts';
import { principalPages } from './pages/principals.ts';
import { ConsoleProblem, STATUS } from './problem.ts';
import { hostOnly, type Origin, withHeaders } from './protect.ts';
import { answerRoutes } from './routes.ts';
import type { StaticFiles } from './static-files.ts';
import { Streams } from './stream.ts';

export interface ConsoleParts extends Logins {
  readonly ground: Ground;
  readonly origin: Origin;
  readonly files: StaticFiles;
}

const MOST_BYTES = 1024 * 1024;

export function consoleApp(parts: ConsoleParts): Hono {
  const { ground, origin, sessions, files, log } = parts;
  const app = new Hono();
  const cookie = cookiesOf(origin);
  const streams = new Streams(ground.now, ground.tail, log);
  app.use(withHeaders(origin));
  app.use(hostOnly(origin));
  app.use(
    bodyLimit({
      maxSize: MOST_BYTES,
      onError: (context) => refused(context, new ConsoleProblem('too-large', 'the question is too large')),
    }),
  );
  answerLogins(app, parts, cookie);
  answerRoutes(
    { app, log, sessionOf: (context) => sessions.of(getCookie(context, cookie.session)) },
    {
      async session({ person }) {
        return {
          version: version(),
          login: [...(parts.links ? (['link'] as const) : []), ...(parts.oidc ? (['oidc'] as const) : [])],
          ...(person && {
            session: {
              ...{ name: person.name, role: person.role, csrf: person.csrf },
              until: new Date(person.until).toISOString(),
              guards: ground.guards.map(({ name }) => name),
              timeZone: ground.config.timeZone,
            },
          }),
        };
      },
      async end({ context }) {
        sessions.endOf(getCookie(context, cookie.session));
        deleteCookie(context, cookie.session, cookie.options);
        return {};
      },
      now: () => ground.now.shown(),
      stream: async ({ context, question, signal }) => streams.answer(context, question, signal),
      ...decisionPages(ground),
      ...principalPages(ground),
      ...peoplePages(ground),
      ...policyPages(ground),
      ...breachPages(ground),
      ...logPages(ground),
      ...actingPages(ground),
    },
  );
  app.all('/api/*', (context) => refused(context, new ConsoleProblem('unknown', 'there is no such question')));
  app.get('*', (context) => files.answer(context));
  app.onError((error, context) => {
    log.error({ err: error }, 'internal error');
    return refused(context, new ConsoleProblem('failed', 'internal error'));
  });
  return app;
}

function refused(context: Context, problem: ConsoleProblem): Response {
  return context.json({ error: problem.shown }, STATUS[problem.code]);
}
