/** Shares of samples, as `perf report` writes them. */
import { expect, test } from 'vitest';
import { sharesOf } from './shares.ts';

const REPORT = `# Samples: 10  of event 'cpu-clock'
#
# Overhead;     Samples;Shared Object;Symbol
 40.00%  ; 4       ;[kernel.kallsyms]  ;[k] tcp_ack
 10.00%  ; 1       ;node               ;[.] Builtins_LoadIC
 20.00%  ; 2       ;[JIT] tid 42       ;[.] 0x00007f0012345678
 20.00%  ; 2       ;libc.so.6          ;[.] malloc
 10.00%  ; 1       ;node               ;[.] v8::internal::Scavenger::Process

`;

test('samples are counted by where they fell', () => {
  expect(sharesOf(REPORT)).toEqual({ kernel: 0.4, 'built-in': 0.1, JavaScript: 0.2, native: 0.3 });
});

test('compiled code has a map where the process keeps one', () => {
  expect(sharesOf(' 100.00%;1;perf-42.map;[.] JS:*judge guard.js:1:2')).toMatchObject({ JavaScript: 1 });
});

test('nothing sampled is an error', () => {
  expect(() => sharesOf('# nothing\n')).toThrow('sampled nothing');
});
