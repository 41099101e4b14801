/** Whether one person is among those who were shown, in words. */

import { shownInstant } from '../read/times.ts';
import { countText, type Section } from './report.ts';
import type { Sought, SubjectAnswer } from './subject.ts';

export function subjectSection({ subject, key, keys }: Sought, answer: SubjectAnswer, timeZone: string): Section {
  const { statements, first, last, columns } = answer;
  const at = (instant: number | undefined): string => (instant === undefined ? '' : shownInstant(instant, timeZone));
  return {
    heading: `Is ${subject} ${key} among them? ${sentence(answer)}`,
    notes: [
      ...(answer.answer === 'yes'
        ? [`${countText(statements, 'statement')} showed this ${subject}, from ${at(first)} to ${at(last)}.`]
        : []),
      ...(answer.answer === 'no'
        ? [
            `Each person whom these statements showed has an id in the log, and none of them is that of this ${subject}.`,
          ]
        : []),
      ...doubtsOf(answer),
      `Looked for with ${keys.length === 1 ? 'the key' : 'the keys'} ${keys.map(({ name }) => name).join(', ')}.`,
    ],
    ...(columns.length > 0 && {
      table: {
        columns: [{ name: 'columns that these statements read', kind: 'code' as const }],
        rows: columns.map((column) => [column]),
      },
    }),
  };
}

function sentence({ answer }: SubjectAnswer): string {
  switch (answer) {
    case 'yes':
      return 'Yes.';
    case 'no':
      return 'No.';
    case 'cannot be excluded':
      return 'It cannot be excluded.';
  }
}

function doubtsOf({ doubts }: SubjectAnswer): string[] {
  const { unnamed, counted: without, unended, gaps, keysMissing } = doubts;
  return [
    ...(unnamed > 0
      ? [`${countText(unnamed, 'statement')} told of people without naming them: of anybody in the scope of the role.`]
      : []),
    ...(without > 0
      ? [`${countText(without, 'statement')} showed people whom the log only counts (log.subjects: countText).`]
      : []),
    ...(unended > 0 ? [`${countText(unended, 'statement')} had no outcome: whom it showed is not known.`] : []),
    ...gaps,
    ...(keysMissing.length > 0
      ? [`Ids were made with ${keysMissing.join(', ')}, which --subject-key did not give.`]
      : []),
  ];
}
