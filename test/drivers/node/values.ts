/** The values of row 2 of `things`, in the order of `PARAMETERS`, as JavaScript has them. */
export const VALUES: unknown[] = [
  true,
  42,
  '9007199254740993',
  '1234.5600',
  0.1,
  "l’été d'O'Brien \"\\𝒜",
  '2026-02-28',
  '2026-10-25T02:30:00.123456+02:00',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  { a: [1, null, 'é'] },
  Buffer.from('00ff10', 'hex'),
  [1, -2, 3],
  ['a,b', 'c"d', null, ''],
];
