/** Asks the console's server, and holds each answer against the schema that both share. What goes wrong is a `Failure`, with words of its own in both languages. */
import { z } from 'zod';
import { ROUTES, type RouteName } from '../api/routes.ts';
import { failure, type Problem } from '../api/values.ts';

export type Code = Problem['code'] | 'offline' | 'unexpected' | 'key-silent' | 'key-copied';

export class Failure extends Error {
  constructor(
    readonly code: Code,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

type Answer<R extends RouteName> = (typeof ROUTES)[R] extends { readonly answer: infer S extends z.ZodType }
  ? z.output<S>
  : never;
type Question<R extends RouteName> = (typeof ROUTES)[R] extends { readonly question: infer S extends z.ZodType }
  ? z.input<S>
  : Readonly<Record<string, never>>;

export interface Ask<R extends RouteName> {
  /** The value for `:name` or `:id` in the path. */
  readonly path?: string;
  readonly question?: Question<R>;
  readonly signal?: AbortSignal | undefined;
}

let csrf: string | undefined;

/** The token that each POST of this session carries. */
export function keepToken(token: string | undefined): void {
  csrf = token;
}

/** @throws Failure */
export async function ask<R extends RouteName>(route: R, given: Ask<R> = {}): Promise<Answer<R>> {
  const response = await send(route, given);
  const schema = (ROUTES[route] as { readonly answer?: z.ZodType }).answer;
  const body: unknown = await response.json().catch(() => undefined);
  const read = schema?.safeParse(body);
  if (!read?.success) throw new Failure('unexpected', read ? z.prettifyError(read.error) : '');
  return read.data as Answer<R>;
}

/** A document, to be kept as a file. @throws Failure */
export async function askDocument<R extends RouteName>(route: R, given: Ask<R>): Promise<Blob> {
  return (await send(route, given)).blob();
}

export function addressOf(route: RouteName, path?: string, question?: Readonly<Record<string, unknown>>): string {
  const base = ROUTES[route].path.replace(/:\w+/, () => encodeURIComponent(path ?? ''));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(question ?? {})) if (value !== undefined) query.set(name, String(value));
  return query.size > 0 ? `${base}?${query}` : base;
}

async function send<R extends RouteName>(route: R, { path, question, signal }: Ask<R>): Promise<Response> {
  const { method } = ROUTES[route];
  const isPost = method === 'POST';
  let response: Response;
  try {
    response = await fetch(
      addressOf(route, path, isPost ? undefined : (question as Readonly<Record<string, unknown>> | undefined)),
      {
        method,
        cache: 'no-store',
        headers: { ...(isPost && { 'content-type': 'application/json', 'x-rowgate-csrf': csrf ?? '' }) },
        ...(isPost && { body: JSON.stringify(question ?? {}) }),
        ...(signal && { signal }),
      },
    );
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure('offline', '');
  }
  if (response.ok) return response;
  const told = failure.safeParse(await response.json().catch(() => undefined));
  if (!told.success) throw new Failure(response.status === 401 ? 'signed-out' : 'unexpected', `${response.status}`);
  const { code, message, hint } = told.data.error;
  throw new Failure(code, message, hint);
}
