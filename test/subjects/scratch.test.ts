import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { subjectWorld, written } from './world.ts';
test('x', async () => {
  const world = await subjectWorld();
  for (const sql of readFileSync('/tmp/try.sql', 'utf8').split(/;\s*\n/).filter((s) => s.trim())) {
    let out: string;
    try { out = written(world.disclosures(sql), sql); } catch (e) { out = 'ERR ' + ((e as Error).message.startsWith('refused') ? (e as Error).message : (e as Error).stack); }
    console.log(out.padEnd(45), '|', sql.trim());
  }
});
