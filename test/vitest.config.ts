import { defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { groupsOfTests } from './support/groups.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const SERVER = ['test/support/postgres.global.ts'];

/** Begun first: the last one would run alone for minutes. In a fresh clone no times are known. */
const LONGEST = ['attacks/attacks', 'transparency/suites', 'channels/teeth', 'stalls/stalls', 'noninterference/'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      LONGEST.some((path) => moduleId.startsWith(`${ROOT}test/${path}`));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

const groups = groupsOfTests();
const group = (
  name: keyof typeof groups,
  how: { readonly isolate: boolean; readonly globalSetup?: string[] },
): TestProjectConfiguration => ({
  test: {
    name,
    root: ROOT,
    include: groups[name],
    // Against what hangs: a machine on which all takes ten times as long fails nothing by these.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    ...how,
  },
});

/** `npm run vitest`: all tests, those of a group (`--project unit`), or those whose path holds the words given. */
export default defineConfig({
  test: {
    root: ROOT,
    reporters: ['default', './test/support/failed.reporter.ts', './test/support/summary.reporter.ts'],
    // For two cores: many tests wait for a server, the disk or a clock.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Modules are read once for many files: half of the time of a small file.
      group('unit', { isolate: false }),
      group('server', { isolate: false, globalSetup: SERVER }),
      group('apart', { isolate: true, globalSetup: SERVER }),
      group('system', { isolate: false, globalSetup: SERVER }),
      group('system apart', { isolate: true, globalSetup: SERVER }),
    ],
  },
});
