/** Reports why a test failed at once: a run that is ended before its summary has told that much. */
import type { Reporter, TestCase } from 'vitest/node';

export default class FailedReporter implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const { state, errors } = test.result();
    if (state !== 'failed') return;
    const why = errors.map(({ message, diff, stacks }) => {
      const place = stacks?.find(({ file }) => file.includes('/test/'));
      return [message, diff, place && `at ${place.file}:${place.line}`].filter(Boolean).join('\n');
    });
    process.stdout.write(`FAILED ${test.module.relativeModuleId} > ${test.fullName}\n${why.join('\n')}\n`);
  }
}
