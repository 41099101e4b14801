/** A console in this process, and people at it: each with cookies of their own, as a browser keeps them. */
import { request as askPlain } from 'node:http';
import { request as askSecure } from 'node:https';
import { resolve } from 'node:path';
import pino from 'pino';
import { formatProblem } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ConsoleRole } from '../../src/console/api/session.ts';
import { type RunningConsole, startConsole } from '../../src/console/start.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

export interface TestConsole extends RunningConsole {
  /** All that it has logged. */
  readonly logged: string[];
  visitor(role: ConsoleRole, name?: string): Promise<Visitor>;
}

/** `program`: what stands for `rowgate`, of which pages ask. `ca`: by which its visitors know it. */
export async function consoleOf(
  configFile: string,
  web?: string,
  { program = [process.execPath, MAIN], ca }: { program?: readonly [string, ...string[]]; ca?: string } = {},
): Promise<TestConsole> {
  const { config, problems } = loadConfig(configFile, {});
  if (!config) throw new Error(problems.map(formatProblem).join('\n'));
  const logged: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => void logged.push(line) });
  const running = await startConsole({
    ...{ config, log, program },
    ...(web !== undefined && { web }),
  });
  return {
    ...running,
    logged,
    async visitor(role, name = role) {
      const visitor = new Visitor(running.url, ca);
      await visitor.raw('GET', running.link({ name, role })!.slice(running.url.length));
      await visitor.enter();
      return visitor;
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field, as they came
export type Json = any;

export interface Answer<T = Json> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Of JSON. */
  readonly body: T;
}

export class Visitor {
  cookie = '';
  csrf = '';

  constructor(
    readonly url: string,
    private readonly ca?: string,
  ) {}

  /** Takes up the token of the session. */
  async enter(): Promise<void> {
    const { body } = await this.get('/api/session');
    this.csrf = body.session?.csrf ?? '';
  }

  get<T = Json>(path: string): Promise<Answer<T>> {
    return this.raw('GET', path);
  }

  post<T = Json>(path: string, question: unknown = {}): Promise<Answer<T>> {
    const headers = { 'content-type': 'application/json', 'x-rowgate-csrf': this.csrf };
    return this.raw('POST', path, headers, JSON.stringify(question));
  }

  raw(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
    return new Promise((done, fail) => {
      const all = { ...(this.cookie !== '' && { cookie: this.cookie }), ...headers };
      const secure = { servername: 'localhost', ...(this.ca !== undefined && { ca: this.ca }) };
      const options = { method, headers: all, agent: false, ...secure } as const;
      const ask = this.url.startsWith('https:') ? askSecure : askPlain;
      const asked = ask(`${this.url}${path}`, options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('end', () => {
          const [cookie] = response.headers['set-cookie'] ?? [];
          if (cookie !== undefined) this.cookie = cookie.split(';')[0] ?? '';
          const isJson = response.headers['content-type']?.startsWith('application/json') === true;
          done({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            body: isJson ? JSON.parse(text) : undefined,
          });
        });
      });
      asked.once('error', fail);
      asked.end(body);
    });
  }

  /** Events of the live page, until `enough` of them. */
  events(path: string, enough: (events: readonly SentEvent[]) => boolean): Promise<SentEvent[]> {
    return new Promise((done, fail) => {
      const asked = askPlain(`${this.url}${path}`, { headers: { cookie: this.cookie }, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          const events = eventsIn(text);
          if (!enough(events)) return;
          response.destroy();
          done(events);
        });
        response.once('end', () => fail(new Error(`the stream ended: ${text}`)));
      });
      asked.once('error', fail);
      asked.end();
    });
  }
}

export interface SentEvent {
  readonly event: string;
  readonly data: Json;
}

function eventsIn(text: string): SentEvent[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((block) => {
      const field = (name: string): string =>
        block
          .split(/\r\n|\r|\n/)
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2) ?? '';
      return { event: field('event'), data: JSON.parse(field('data')) };
    });
}
