/** Plays the breach with real clients: a thief with a vendor's password takes pupils until the account is locked, while a teacher works on. */
import { setTimeout as pause } from 'node:timers/promises';
import { Lesson, type Pace } from './lesson.ts';
import { type PortalBreach, playPortal } from './portal.ts';
import { story } from './story.ts';
import { Thief } from './thief.ts';

export interface BreachStage {
  /** The connection string for a principal of the samples. */
  url(principal: string): string;
  /** The records of the decision log so far. */
  records(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** For the times that are shown. */
  readonly timeZone: string;
  /** Prints a line. */
  say(line: string): void;
  /** Pupils in the database; their ids are 1, 2, … */
  readonly pupils: number;
  /** The time to read, in milliseconds. */
  readonly breathMs: number;
}

export interface PlayedBreach {
  /** Pupils that the thief has, including those the app itself showed. */
  readonly left: number;
  readonly locked: boolean;
  /** Rows a second before throttling, and after. */
  readonly paces: { readonly before: number; readonly slowed: number };
  readonly teacher: readonly Pace[];
  readonly portal: PortalBreach;
}

/** What an attacker tries first. */
const TRIES = [
  'SELECT ine, address FROM students',
  'SELECT id, first_name, class_id FROM students',
  "SELECT string_agg(first_name, ', ') FROM students",
  'COPY students (id, first_name) TO STDOUT',
  'SELECT last_name, phone FROM parents',
];

/** Ends by itself within a minute, if the guard has the samples' policies. */
export async function playBreach(stage: BreachStage): Promise<PlayedBreach> {
  const { say, pupils } = stage;
  const act = async (title: string): Promise<void> => {
    await pause(stage.breathMs);
    say(`\n${title}`);
    await pause(stage.breathMs / 2);
  };
  const lesson = await Lesson.begin(stage.url('teacher'));
  const thief = new Thief(stage.url('homework'), say);
  try {
    await act('A teacher takes her lesson. A homework app greets the pupils who sign in, of any school.');
    await thief.workAsTheApp(20);
    await pause(stage.breathMs + 1_500);
    lesson.part('before');

    await act('The app’s password is stolen. The thief tries the obvious queries first.');
    for (const sql of TRIES) {
      await thief.tries(sql);
      await pause(stage.breathMs / 2);
    }
    await act(`Small pages work. He has ${pupils} pupils before him, and four connections.`);
    const paces = await thief.pages(4, pupils);
    say(
      `         ${Math.round(paces.before)} pupils a second at first, ${Math.round(paces.slowed)} once it was slowed`,
    );

    await act('He does not give up.');
    const locked = await thief.insists(pupils);
    lesson.part('during the theft');

    await act('What the log tells of it:');
    for (const line of story(await stage.records(), 'homework', stage.timeZone)) say(`  ${line}`);
    const teacher = await lesson.end();
    await act('The teacher, meanwhile:');
    for (const pace of teacher) say(`  ${paceText(pace)}`);
    const left = thief.has.size;
    await act(
      `${left} of ${pupils} pupils have left, the app’s own among them, and ${locked ? 'the account is locked' : 'the account is open'}.`,
    );
    const portal = await playPortal({ url: stage.url('portal'), say, act, breathMs: stage.breathMs });
    return { left, locked, paces, teacher, portal };
  } finally {
    await lesson.end();
    await thief.leave();
  }
}

function paceText({ part, statements, failed, median, slowest }: Pace): string {
  return `${part.padEnd(18)}${statements} statements, ${failed} failed, median ${median.toFixed(1)} ms, slowest ${slowest.toFixed(1)} ms`;
}
