/** Whether one person is among those who were shown, in words. */
import type { Speech } from '../language/speech.ts';
import { coverageNotes } from './coverage.ts';
import type { Section } from './report.ts';
import type { PersonSearch, SubjectAnswer } from './subject.ts';

export function subjectSection(
  { subject, key, keys }: PersonSearch,
  answer: SubjectAnswer,
  timeZone: string,
  speech: Speech,
): Section {
  const { statements, first, last, columns } = answer;
  const at = (instant: number | undefined): string => (instant === undefined ? '' : speech.instant(instant, timeZone));
  const said = speech.say(`subject: ${answer.answer}`);
  const span = { first: at(first), last: at(last) };
  return {
    heading: speech.say('subject: heading', { subject, key, answer: said }),
    notes: [
      ...(answer.answer === 'yes'
        ? [speech.say('subject: showed', { statements: speech.say('statements', { n: statements }), subject, ...span })]
        : []),
      ...(answer.answer === 'no' ? [speech.say('subject: none of the ids', { subject })] : []),
      ...doubtsOf(answer, speech),
      speech.say('person: looked for with keys', { n: keys.length, keys: keys.map(({ name }) => name).join(', ') }),
    ],
    ...(columns.length > 0 && {
      table: {
        columns: [{ name: speech.say('subject: columns'), kind: 'code' as const }],
        rows: columns.map((column) => [column]),
      },
    }),
  };
}

function doubtsOf({ doubts }: SubjectAnswer, speech: Speech): string[] {
  const { coverage, keysMissing } = doubts;
  const counted = (['unnamed', 'counted', 'unended'] as const).filter((doubt) => doubts[doubt] > 0);
  return [
    ...counted.map((doubt) =>
      speech.say(`subject: ${doubt}`, { statements: speech.say('statements', { n: doubts[doubt] }) }),
    ),
    ...coverageNotes(coverage, speech),
    ...(keysMissing.length > 0 ? [speech.say('subject: keys missing', { names: keysMissing.join(', ') })] : []),
  ];
}
