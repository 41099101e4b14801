/** Drivers in compiled languages: libpq itself, JDBC's, and Go's two. */
import { join } from 'node:path';
import { all, file, type Need, tool } from '../support/tools.ts';
import { build, CACHE } from './build.ts';
import { type Driver, runProgram } from './driver.ts';

const JDBC = '/usr/share/java/postgresql.jar';
/** Debian brings Go's libraries as source, to be found as before there were modules. */
export const GO_PATH = '/usr/share/gocode';
const JAVA = tool('java');
const JAVAC = tool('javac');
export const GO = tool('go');

const INCLUDE = '-I/usr/include/postgresql';
const SOURCE = join(import.meta.dirname, 'libpq/steps.c');
/** The program is asked for as it stands: it calls what came with libpq 17. */
const CC = tool('cc', { runs: ['-fsyntax-only', '-Werror=implicit', INCLUDE, SOURCE], with: 'libpq 17' });

const LIBPQ: Driver = {
  name: 'libpq',
  language: 'C',
  needs: CC,
  build: () => build('libpq', CC.path!, (output) => ['-Wall', INCLUDE, '-o', output, SOURCE, '-lpq']),
  run: (env) => runProgram(join(CACHE, 'libpq'), [], env),
  also: {
    'pipeline with errors': 'a pipeline with errors in it',
    'chunked rows': 'rows in chunks',
    'closing in a pipeline': 'Close in a pipeline',
  },
  alsoRestricted: {
    'pipeline with errors': [
      ...['1', 'PGRES_COMMAND_OK', '22012', 'PGRES_PIPELINE_ABORTED', 'PGRES_PIPELINE_SYNC'],
      ...['3', '42501', 'PGRES_PIPELINE_ABORTED', 'PGRES_PIPELINE_SYNC'],
      ...['0', 'PGRES_PIPELINE_SYNC'],
    ],
    'chunked rows': { chunks: 50, rows: 50_000, sum: 2_500_050_000 },
  },
};

const JDBC_DRIVER: Driver = {
  name: 'JDBC',
  language: 'Java',
  needs: all(JAVA, JAVAC, file(JDBC)),
  build: () =>
    build('jdbc', JAVAC.path!, (output) => ['-encoding', 'UTF-8', '-cp', JDBC, '-d', output, 'jdbc/Steps.java']),
  run: (env) => {
    const quickStart = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    return runProgram(JAVA.path!, [...quickStart, '-cp', `${join(CACHE, 'jdbc')}:${JDBC}`, 'Steps'], env);
  },
  also: { 'batch with an error': 'a batch with an error in it', 'keys and metadata': 'DatabaseMetaData' },
  alsoRestricted: {
    'keys and metadata': ['key id', 'id int4', 'label text', 'index measures_pkey id', 'measures.id', 'every method'],
  },
};

export const GO_ENVIRONMENT = {
  GO111MODULE: 'off',
  GOPATH: GO_PATH,
  GOCACHE: join(CACHE, 'go-build'),
  GOFLAGS: '-p=2',
};

/** Go, and the source of these packages. */
export function goWith(...packages: readonly string[]): Need {
  return all(GO, file(...packages.map((pack) => join(GO_PATH, 'src/github.com', pack))));
}

function goDriver(name: string, pack: string, more: Partial<Driver>): Driver {
  const files = ['go/lines.go', `go/${name}.go`];
  return {
    name: name === 'pq' ? 'lib/pq' : name,
    language: 'Go',
    needs: goWith(pack),
    build: () => build(`go-${name}`, GO.path!, (output) => ['build', '-o', output, ...files], GO_ENVIRONMENT),
    run: (variables) => runProgram(join(CACHE, `go-${name}`), [], variables),
    ...more,
  };
}

export const COMPILED_DRIVERS: readonly Driver[] = [
  LIBPQ,
  JDBC_DRIVER,
  goDriver('pgx', 'jackc/pgx/v4', { also: { 'batch with an error': 'a batch with an error in it' } }),
  goDriver('pq', 'lib/pq', {
    also: { 'copy from': 'COPY FROM', notifications: 'LISTEN' },
    note: 'gives up its connection when a context ends',
  }),
];
