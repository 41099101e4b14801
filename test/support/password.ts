/** A password for principals of tests, and how policies keep it. */
export const PASSWORD = 'demo-teacher';
export const VERIFIER =
  'SCRAM-SHA-256$4096:5+4Cd5Gy5wirR+KOzUXXuw==$p0PIwuh2wr4MvPfFQ+ONaqTXyTgDM1RInczdhQCopYM=:XIIeRI/G53k2qvQn2a2NCs598Vwql9WIqZn/1hW0gLQ=';
