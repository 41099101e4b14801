/** Answers the routes of the API: each is registered with what its entry asks for (session, role, token, question), and cannot be without. */
import type { Context, Hono } from 'hono';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { ROUTES, type Route, type RouteName } from './api/routes.ts';
import { type ConsoleRole, ROLES } from './api/session.ts';
import { asker } from './fair-queue.ts';
import { ConsoleProblem, problemOf, STATUS } from './problem.ts';
import { isSame, type PersonSession } from './sessions.ts';

type Question<Name extends RouteName> = (typeof ROUTES)[Name] extends {
  readonly question: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;
type Answer<Name extends RouteName> = (typeof ROUTES)[Name] extends { readonly answer: infer Schema extends z.ZodType }
  ? Readable<z.input<Schema>>
  : Response;
/** Answers are only read from here on. */
type Readable<T> = T extends readonly (infer Item)[]
  ? readonly Readable<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Readable<T[Key]> }
    : T;

export interface Asked<Name extends RouteName> {
  readonly question: Question<Name>;
  /** Of the path: `id`, `name`. */
  parameter(name: string): string;
  readonly person: (typeof ROUTES)[Name]['role'] extends 'none' ? PersonSession | undefined : PersonSession;
  /** The browser is gone, or the session is over. */
  readonly signal: AbortSignal;
  readonly context: Context;
}

export type Handlers = { readonly [Name in RouteName]: (asked: Asked<Name>) => Promise<Answer<Name>> };

export interface RouteOptions {
  readonly app: Hono;
  readonly log: Logger;
  sessionOf(context: Context): PersonSession | undefined;
}

export function answerRoutes(options: RouteOptions, handlers: Handlers): void {
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const route: Route = ROUTES[name];
    const handler = handlers[name] as (asked: Asked<RouteName>) => Promise<unknown>;
    options.app.on(route.method, route.path, async (context) => {
      try {
        return await answered(route, handler, context, options);
      } catch (error) {
        const problem = problemOf(error);
        // INVARIANT 110: the log has the route, never the address: a question may name a person.
        if (!(error instanceof ConsoleProblem)) {
          // On the page of a person, an error may quote the key that was entered.
          const what = route.path.startsWith('/api/person') ? {} : { err: error };
          options.log.error({ ...what, route: route.path }, 'internal error');
        }
        return context.json({ error: problem.shown }, STATUS[problem.code]);
      }
    });
  }
}

async function answered(
  route: Route,
  handler: (asked: Asked<RouteName>) => Promise<unknown>,
  context: Context,
  { sessionOf, log }: RouteOptions,
): Promise<Response> {
  const person = sessionOf(context);
  if (route.role !== 'none') allow(route, person, context);
  const question = await questionIn(route, context);
  if (route.role === 'operator' || route.path.startsWith('/api/person'))
    log.info({ by: person?.name, route: route.path }, 'asked at the console');
  const signals = [context.req.raw.signal, ...(person ? [person.signal] : [])];
  const asked = {
    question,
    person,
    context,
    signal: AbortSignal.any(signals),
    parameter: (name) => context.req.param(name) ?? '',
  } as Asked<RouteName>;
  const answer = await asker.run(person?.name ?? '', () => handler(asked));
  if (!route.answer) return answer as Response;
  // What leaves is what the schema says, and no more.
  const parsed = route.answer.safeParse(answer);
  if (!parsed.success) throw new Error(`the answer of ${route.path} is not as described: ${parsed.error.message}`);
  return context.json(parsed.data as object);
}

function allow({ role, method }: Route, person: PersonSession | undefined, context: Context): void {
  if (!person) throw new ConsoleProblem('signed-out', 'log in first');
  // INVARIANT 108: a person with a viewing role can call no route that acts.
  if (!isAtLeast(person.role, role as ConsoleRole))
    throw new ConsoleProblem('forbidden', `${role} is needed, and ${person.name} is ${person.role}`);
  // INVARIANT 108: another page in the same browser asks for nothing in the person's name.
  if (method === 'POST' && !isSame(context.req.header('x-rowgate-csrf') ?? '', person.csrf))
    throw new ConsoleProblem('forbidden', 'the request does not carry the token of this session');
}

function isAtLeast(role: ConsoleRole, least: ConsoleRole): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

async function questionIn({ question, method }: Route, context: Context): Promise<unknown> {
  if (!question) return undefined;
  const given: unknown = method === 'GET' ? context.req.query() : await bodyOf(context);
  const parsed = question.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ConsoleProblem('call', `${issue?.path.join('.') || 'question'}: ${issue?.message}`);
}

async function bodyOf(context: Context): Promise<unknown> {
  if (!/^application\/json\b/.test(context.req.header('content-type') ?? ''))
    throw new ConsoleProblem('call', 'expected a body of application/json');
  try {
    return await context.req.json();
  } catch {
    throw new ConsoleProblem('call', 'expected a body of JSON');
  }
}
