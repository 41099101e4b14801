/** Tables and views of the databases as scripts write, lock and read them back: of each kind of key, column, index and parent one. */
import { COMPUTES } from '../subjects/world.ts';
import { HIDDEN as P } from './people.ts';

export interface Table {
  readonly name: string;
  /** The column that tells whose a row is; absent: a row is about no person. */
  readonly key?: string;
  /** Its rows' own number. */
  readonly id: string;
  /** Columns that INSERT gives, and those that UPDATE sets, each with values. */
  readonly inserts: Columns;
  readonly sets: Columns;
  readonly deletes: boolean;
  /** What finds a row in the way of another one. */
  readonly conflicts: readonly string[];
  /** What shows its rows, itself first. */
  readonly shown: readonly string[];
  /** An identity column takes another number than it is given. */
  readonly override?: true;
  /** The table about no person to which its rows refer. */
  readonly refersTo?: string;
  /** The sequence of its numbers. */
  readonly sequence?: string;
}

/** Values of each column as a script gives them: of known people and rows, of the hidden one's, and new ones. */
type Columns = Readonly<Record<string, readonly string[]>>;

const IDS = ['1', String(P), '9', '20', 'DEFAULT'];
const KEYS = ['1', '2', String(P), '1', 'NULL', '9'];
const NUMBERS = ['1', '57', '71', '30', 'NULL'];
const TEXTS = ["'x'", 'NULL'];
const DATES = ["'2026-03-01'", "'2030-01-01'", 'NULL'];

const REGIONS = ['1', '9', 'NULL', `(SELECT q.ward FROM patient AS q WHERE q.id + 0 = ${P})`];

/** What DEFAULT puts into a column that has none is NULL: its rows cannot be stored. */
const OWN_IDS = IDS.slice(0, -1);

export const TABLES: readonly Table[] = [
  {
    name: 'visit',
    key: 'patient_id',
    id: 'id',
    inserts: { id: IDS, patient_id: KEYS, day: DATES, diag: TEXTS },
    sets: { patient_id: KEYS, day: DATES, diag: TEXTS },
    deletes: true,
    conflicts: ['(id)', '(patient_id, day)', 'ON CONSTRAINT visit_patient_id_day_key'],
    shown: ['visit', 'called'],
    sequence: 'visit_id_seq',
  },
  {
    name: 'called',
    key: 'patient_id',
    id: 'id',
    inserts: {},
    sets: { whose: KEYS, diag: TEXTS },
    deletes: false,
    conflicts: [],
    shown: ['called', 'visit'],
  },
  {
    name: 'notes',
    id: 'id',
    inserts: { id: IDS, n: NUMBERS },
    sets: { n: NUMBERS, id: IDS },
    deletes: false,
    conflicts: ['(id)'],
    shown: ['notes'],
    sequence: 'notes_id_seq',
  },
  {
    name: 'profile',
    key: 'patient_id',
    id: 'patient_id',
    inserts: { patient_id: KEYS, seen: NUMBERS },
    sets: { patient_id: KEYS, seen: NUMBERS, body: TEXTS },
    deletes: true,
    conflicts: ['(patient_id)', '(patient_id int4_ops)', 'ON CONSTRAINT profile_pkey'],
    shown: ['profile'],
  },
  {
    name: 'guest',
    key: 'id',
    id: 'id',
    inserts: { id: ['1', '2', String(P), 'DEFAULT'], weight: NUMBERS },
    sets: { weight: NUMBERS },
    deletes: true,
    conflicts: ['(id)', 'ON CONSTRAINT guest_pkey'],
    shown: ['guest'],
    override: true,
    sequence: 'guest_id_seq',
  },
  {
    name: 'pass',
    key: 'id',
    id: 'id',
    inserts: { id: ['1', '2', String(P), 'DEFAULT'], weight: NUMBERS },
    sets: { weight: NUMBERS, name: TEXTS },
    deletes: false,
    conflicts: ['(id)'],
    shown: ['pass'],
    override: true,
    sequence: 'pass_id_seq',
  },
  {
    name: 'paper',
    key: 'patient_id',
    id: 'id',
    inserts: { id: OWN_IDS, code: ['10', `${P}0`, '20', '90'], kind: NUMBERS },
    sets: { code: [`${P}0`, '10', '20', 'code + 10'], kind: NUMBERS },
    deletes: true,
    conflicts: ['(id)', '(patient_id, kind)'],
    shown: ['paper'],
  },
  {
    name: 'finding',
    key: 'patient_id',
    id: 'id',
    inserts: { id: ['9', '20', '1'], patient_id: ['1', 'NULL'], day: ["'2026-02-02'", 'NULL'] },
    sets: { note: TEXTS },
    deletes: true,
    conflicts: ['(id)', '(patient_id, day)'],
    shown: ['finding'],
  },
  {
    name: 'trip',
    key: 'patient_id',
    id: 'id',
    inserts: {},
    sets: { nights: NUMBERS },
    deletes: true,
    conflicts: [],
    shown: ['trip'],
  },
  {
    name: 'booking',
    key: 'patient_id',
    id: 'id',
    inserts: { id: [...OWN_IDS, '1500'], patient_id: KEYS, slot: ['5', '20', '30', '40'] },
    sets: { id: ['1500', '1001', '9'], slot: ['5', '20', '30', '40'] },
    deletes: true,
    conflicts: [],
    shown: ['booking'],
  },
  {
    name: 'turn',
    key: 'patient_id',
    id: 'id',
    inserts: { id: OWN_IDS, patient_id: KEYS, place: NUMBERS, seat: ['25', '35', '40', 'NULL'] },
    sets: { patient_id: KEYS, place: NUMBERS, seat: ['25', '35', '40', 'NULL'] },
    deletes: true,
    conflicts: ['(id)'],
    shown: ['turn'],
  },
  {
    name: 'call',
    key: 'patient_id',
    id: 'id',
    inserts: { id: IDS, patient_id: KEYS, region_id: REGIONS },
    sets: { region_id: REGIONS },
    deletes: true,
    conflicts: ['(id)'],
    shown: ['call'],
    refersTo: 'region',
    sequence: 'call_id_seq',
  },
  ...['memo', 'memos', 'ruled'].map(
    (name): Table => ({
      name,
      key: 'patient_id',
      id: 'id',
      inserts: { id: name === 'memo' ? IDS : OWN_IDS, patient_id: KEYS, n: NUMBERS },
      sets: { patient_id: KEYS, n: NUMBERS, note: TEXTS },
      deletes: name !== 'ruled',
      conflicts: name === 'memo' ? ['(id)', '(patient_id, n)'] : [],
      shown: [name, 'memo', 'memos', 'heard'],
      sequence: 'memo_id_seq',
    }),
  ),
  {
    name: 'picky',
    key: 'patient_id',
    id: 'id',
    inserts: { id: OWN_IDS, patient_id: KEYS, n: NUMBERS },
    sets: { patient_id: KEYS, n: NUMBERS },
    deletes: false,
    conflicts: ['(id)'],
    shown: ['picky'],
  },
  {
    name: 'region',
    id: 'id',
    inserts: {},
    sets: { id: ['9', '1', 'id + 10'], name: TEXTS },
    deletes: true,
    conflicts: [],
    shown: ['region'],
  },
  {
    name: 'named',
    key: 'id',
    id: 'id',
    inserts: {},
    sets: { name: TEXTS },
    deletes: false,
    conflicts: [],
    shown: ['named', 'roll'],
  },
  ...[
    { name: 'queue', key: 'patient_id', id: 'place' },
    { name: 'chart', key: 'patient_id', id: 'mass' },
    { name: 'share', key: 'id', id: 'part' },
    { name: 'room', key: 'patient_id', id: 'number' },
    { name: 'stay', id: 'nights' },
    { name: 'patient', key: 'id', id: 'weight' },
  ].map((one): Table => ({ ...one, inserts: {}, sets: {}, deletes: false, conflicts: [], shown: [one.name] })),
  ...(COMPUTES
    ? [
        {
          name: 'slip',
          key: 'patient_id',
          id: 'id',
          inserts: { id: OWN_IDS, code: ['10', `${P}0`, '90'], body: TEXTS },
          sets: { code: ['10', `${P}0`, 'code + 10'], body: TEXTS },
          deletes: false,
          conflicts: ['(id)'],
          shown: ['slip'],
        },
      ]
    : []),
];
