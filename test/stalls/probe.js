/**
 * A client in a process of its own. For each line of its input, a number of milliseconds, it asks `select 1` for so long, one at a time, and
 * prints when each question went and its answer came.
 */
import { createInterface } from 'node:readline';
import pg from 'pg';

const now = () => Number(process.hrtime.bigint()) / 1e6;
const client = new pg.Client({ connectionString: process.argv[2] });
await client.connect();
console.log('connected');
for await (const line of createInterface(process.stdin)) {
  const end = now() + Number(line);
  const asked = [];
  while (now() < end) {
    const began = now();
    await client.query('select 1');
    asked.push([began, now()]);
  }
  console.log(JSON.stringify(asked));
}
