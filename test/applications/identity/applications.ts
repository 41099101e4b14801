/** Applications that set the token of a request's end user, each by the piece of code that `docs/applications.md` shows. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, CACHE } from '../../drivers/build.ts';
import { python } from '../../drivers/python.ts';
import { all, file, type Need, NOTHING, type Tool, tool } from '../../support/tools.ts';

type Environment = Readonly<Record<string, string>>;

export interface Application {
  readonly name: string;
  /** The files that the page shows, from this folder on. */
  readonly shown: string;
  readonly needs: Need;
  /** SQLSTATE for who reads pupils by another way to a connection; `none`: there is no other way. */
  readonly outside: '28000' | 'none';
  /** The error for code that keeps a connection and uses it when the request is over; absent: that is a new transaction of the same person. */
  readonly kept?: string;
  readonly env?: Environment;
  build?(): Promise<void>;
  readonly command: readonly string[];
}

const HERE = import.meta.dirname;
const JARS = ['postgresql', 'HikariCP', 'slf4j-api'].map((name) => `/usr/share/java/${name}.jar`);
const JAVA = tool('java');
const JAVAC = tool('javac');
const RUBY = tool('ruby', { runs: ['-ractive_record', '-rpg', '-e', ''], with: 'ActiveRecord and pg' });
const CLASSES = 'jdbc-person';

/** A program in one of these folders, with a Python that has the modules that it imports. */
function inPython(folder: string, ...modules: readonly string[]): Pick<Application, 'needs' | 'command'> {
  const needs: Tool = python(...modules);
  return { needs, command: [needs.path ?? '', '-B', join(HERE, folder, 'run.py')] };
}

const django = (binding: 'on' | 'off'): Application => ({
  name: `Django, server_side_binding ${binding}`,
  shown: 'django/middleware.py',
  outside: '28000',
  kept: 'no token says for whom this is',
  env: { SERVER_SIDE_BINDING: binding },
  ...inPython('django', 'django', 'psycopg'),
});

export const APPLICATIONS: readonly Application[] = [
  {
    name: 'node-postgres',
    shown: 'node-postgres/person.js',
    needs: NOTHING,
    outside: 'none',
    kept: 'the transaction is over',
    command: [process.execPath, join(HERE, 'node-postgres/run.js')],
  },
  {
    name: 'psycopg 3',
    shown: 'psycopg/person.py',
    outside: '28000',
    kept: 'the cursor is closed',
    ...inPython('psycopg', 'psycopg', 'psycopg_pool'),
  },
  {
    name: 'SQLAlchemy',
    shown: 'sqlalchemy/person.py',
    outside: '28000',
    ...inPython('sqlalchemy', 'sqlalchemy', 'psycopg'),
  },
  django('off'),
  django('on'),
  {
    name: 'JDBC',
    shown: 'jdbc/Person.java',
    needs: all(JAVA, JAVAC, file(...JARS)),
    outside: '28000',
    kept: 'Connection is closed',
    build: () => {
      const sources = ['Person', 'Run'].map((name) => join(HERE, `jdbc/${name}.java`));
      return build(CLASSES, JAVAC.path!, (output) => [
        '-encoding',
        'UTF-8',
        '-cp',
        JARS.join(':'),
        '-d',
        output,
        ...sources,
      ]);
    },
    command: [
      ...[JAVA.path ?? '', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
      ...['-cp', [join(CACHE, CLASSES), ...JARS].join(':'), 'Run'],
    ],
  },
  {
    name: 'Rails',
    shown: 'rails/application_record.rb',
    needs: RUBY,
    outside: '28000',
    kept: 'no token says for whom this is',
    command: [RUBY.path ?? '', join(HERE, 'rails/run.rb')],
  },
];

/** For a request: `ok`, SQLSTATE, or the error's name; and the rows, or the error's message. */
export interface Answer {
  readonly code: string;
  readonly text: string;
}

export interface Ran {
  readonly answers: ReadonlyMap<number, Answer>;
  /** All that it has written. */
  readonly output: string;
}

const TIME_LIMIT_MS = 60_000;

/** Gives it the requests, each a line `id page token`. Throws where it fails. */
export function run(
  { name, command, env }: Application,
  lines: readonly string[],
  database: Environment,
): Promise<Ran> {
  return new Promise((done, fail) => {
    const [program, ...args] = command;
    const child = spawn(program!, args, {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C.UTF-8', PGAPPNAME: name, ...database, ...env },
      timeout: TIME_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let [out, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    child.on('error', fail);
    child.on('close', (status, signal) => {
      if (status === 0) done({ answers: answersIn(out), output: out + errors });
      else fail(new Error(`${name} ended with ${status ?? signal}:\n${errors}${out}`));
    });
    child.stdin.end(`${lines.join('\n')}\n`);
  });
}

function answersIn(out: string): Map<number, Answer> {
  const lines = out.trimEnd().split('\n');
  return new Map(
    lines.map((line) => {
      const [id, code = '', text = ''] = line.split('\t');
      return [Number(id), { code, text }];
    }),
  );
}
