/** Answers the requests on standard input, four at a time, by `person.js`. */
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { asking } from './person.js';

const READ = { name: 'pupils', text: 'SELECT id, family_id FROM pupils WHERE id > $1', values: [0] };

const families = async (query) => (await query(READ)).rows.map((row) => row.family_id).join(' ');

const PAGES = {
  pupils: async (query) => {
    const first = await families(query);
    await pause(5);
    return [first, await families(query)];
  },
  news: async (query) => (await query('SELECT title FROM news')).rows.map((row) => row.title),
  fails: async (query) => [await families(query), await query('SELECT nosuch FROM pupils')],
  breaks: async (query) => {
    await query("UPDATE pupils SET note = 'half'");
    throw Object.assign(new Error('of the application'), { code: 'broken' });
  },
  commits: async (query) => {
    await query('COMMIT');
    return [await families(query)];
  },
};

async function answer(page, token) {
  if (page === 'outside') throw Object.assign(new Error('there is no way'), { code: 'none' });
  if (page !== 'kept') return await asking(token, PAGES[page]);
  const kept = await asking(token, (query) => families(query).then(() => query));
  await pause(2);
  return [await families(kept)];
}

const lines = (await text(process.stdin)).trimEnd().split('\n');
let next = 0;
async function worker() {
  while (next < lines.length) {
    const [id, page, token] = lines[next++].split('\t');
    const outcome = await answer(page, token || undefined).then(
      (reads) => ['ok', reads.join(',')],
      (error) => [error.code ?? error.name, error.message],
    );
    console.log([id, ...outcome].join('\t').replaceAll('\n', ' '));
  }
}
await Promise.all(Array.from({ length: 4 }, worker));
process.exit(); // the pool would keep the process alive
