/** What makes a report reliable: whether its log is intact, the hashes of its files, who made it, and its number. */
import type { Speech } from '../language/speech.ts';
import type { Verification } from '../verify/verify.ts';
import type { Section } from './report.ts';

export interface FileHash {
  readonly file: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** It changed while it was read. */
  readonly changed: boolean;
}

export interface Evidence {
  readonly verification: Verification;
  readonly hashes: readonly FileHash[];
  readonly author?: string;
  readonly caseNumber?: string;
}

export function evidenceSections({ verification, hashes }: Evidence, speech: Speech): Section[] {
  const { findings, notes, chains, keys, anchors } = verification;
  const n = findings.length;
  const answer = n === 0 ? speech.say('verify: nothing found') : speech.say('verify: findings', { n });
  return [
    {
      heading: speech.say('verify: heading', { answer }),
      notes: [
        ...chains.map(({ file, guard, records, sealed, last }) => {
          const chain = { file, records, guard: guard ?? '?' };
          if (!sealed) return speech.say('verify: unsealed', chain);
          return speech.say('verify: chains', { ...chain, sealed: sealed.seq, last: last ?? 0 });
        }),
        ...keys.map(({ key, given }) => speech.say(given ? 'verify: key given' : 'verify: key first', { key })),
        anchors.used > 0 ? speech.say('verify: anchors', { n: anchors.used }) : speech.say('verify: no anchors'),
      ],
      ...(findings.length + notes.length > 0 && {
        table: {
          columns: [
            { name: speech.say('column: what'), kind: 'text' as const },
            { name: speech.say('column: file'), kind: 'code' as const },
            { name: speech.say('column: why'), kind: 'text' as const },
          ],
          rows: [...findings, ...notes].map(({ kind, file, line, message }) => [
            kind,
            line === undefined ? file : `${file}:${line}`,
            message,
          ]),
        },
      }),
    },
    {
      heading: speech.say('verify: hashes'),
      notes: [
        speech.say('verify: hashes note'),
        ...hashes.filter(({ changed }) => changed).map(({ file }) => speech.say('verify: changed', { file })),
      ],
      table: {
        columns: [
          { name: speech.say('column: file'), kind: 'code' },
          { name: speech.say('column: size'), kind: 'bytes' },
          { name: 'SHA-256', kind: 'code' },
        ],
        rows: hashes.map(({ file, bytes, sha256 }) => [file, bytes, sha256]),
      },
    },
  ];
}
