/** Reading on and on: in every way, the people who leave are as many as the budget has, and no fewer. */
import pg from 'pg';
import { bind, textValue } from '../../../src/protocol/bind.ts';
import { execute } from '../../../src/protocol/execute.ts';
import { parse } from '../../../src/protocol/parse.ts';
import { query } from '../../../src/protocol/query.ts';
import { sync } from '../../../src/protocol/simple-frontend.ts';
import { PSQL, psqlScript } from '../../clients/psql.ts';
import { FIRST, PUPILS } from '../pupils.ts';
import { each, LONG, type Scenario, texts } from '../scenario.ts';
import { exchange } from '../thief.ts';
import { BUDGET } from '../world.ts';

/** In the long run all of them. */
const READS = LONG ? 10_000 : 300;

export const READING: readonly Scenario[] = [
  { name: 'the whole table', asked: PUPILS, run: texts('SELECT id, first_name FROM pupils') },
  {
    name: 'pages by key',
    asked: PUPILS,
    async run(thief) {
      const client = await thief.client();
      for (let after = 0, pages = 0; pages < 60; pages += 1) {
        const page = await thief.ask(
          client,
          `SELECT id, first_name FROM pupils WHERE id > ${after} ORDER BY id LIMIT 7`,
        );
        if (!Array.isArray(page)) after += 7;
        else after = (page.at(-1) as { id: number } | undefined)?.id ?? after + 7;
        if (after < FIRST) after = FIRST - 1;
      }
    },
  },
  {
    name: 'pages by OFFSET',
    asked: PUPILS,
    run: texts(...each(40, (i) => `SELECT id, first_name FROM pupils ORDER BY id LIMIT 10 OFFSET ${10 * i}`)),
  },
  {
    name: 'pages by OFFSET, backwards and overlapping',
    asked: PUPILS,
    run: texts(...each(80, (i) => `SELECT id, first_name FROM pupils ORDER BY id DESC LIMIT 10 OFFSET ${5 * i}`)),
  },
  {
    name: 'a cursor, nine rows at a time',
    asked: PUPILS,
    run: texts(
      'BEGIN',
      'DECLARE c CURSOR FOR SELECT id, first_name FROM pupils',
      ...each(10, () => 'FETCH 9 FROM c'),
      'ROLLBACK',
    ),
  },
  {
    name: 'cursors WITH HOLD, forth and back',
    asked: PUPILS,
    run: texts(
      'DECLARE a SCROLL CURSOR WITH HOLD FOR SELECT id, first_name FROM pupils ORDER BY id',
      'DECLARE b SCROLL CURSOR WITH HOLD FOR SELECT id, first_name FROM pupils ORDER BY id DESC',
      'FETCH 15 FROM a',
      'FETCH BACKWARD 15 FROM a',
      'FETCH ABSOLUTE 200 FROM a',
      'FETCH LAST FROM a',
      'FETCH ALL FROM b',
      'FETCH BACKWARD ALL FROM a',
    ),
    leaves: [34, 40],
    note: 'a cursor WITH HOLD costs one, and so does a FETCH from elsewhere than the next row',
  },
  {
    name: '50 connections at once',
    asked: PUPILS,
    async run(thief) {
      const clients = await Promise.all(each(50, () => thief.client()));
      await Promise.all(
        clients.map((client, i) =>
          thief.ask(client, `SELECT id, first_name FROM pupils WHERE id >= ${FIRST + 8 * i} ORDER BY id LIMIT 8`),
        ),
      );
    },
  },
  {
    name: '20 connections at once, each for all pupils, four times over',
    asked: PUPILS,
    async run(thief) {
      const clients = await Promise.all(each(20, () => thief.client()));
      const turns = each(4, (i) => `SELECT id, first_name FROM pupils ORDER BY id + ${i} DESC`);
      await Promise.all(clients.map((client) => thief.askAll(turns, client)));
    },
    leaves: [20, BUDGET],
    note: 'of an order that can fail, each keeps one for its error',
  },
  {
    name: '10,000 reads of one pupil each',
    asked: PUPILS,
    async run(thief) {
      const raw = await thief.raw();
      for (let done = 0; done < READS; done += 100) {
        const reads = each(100, (i) =>
          query(`SELECT id, first_name FROM pupils WHERE id = ${FIRST + (((done + i) * 7) % PUPILS)}`),
        );
        await exchange(raw, reads, reads.length);
      }
    },
  },
  {
    name: 'a prepared statement, executed for each',
    asked: PUPILS,
    async run(thief) {
      const client = await thief.client();
      await thief.ask(client, 'PREPARE one (integer) AS SELECT id, first_name FROM pupils WHERE id = $1');
      await thief.askAll(
        each(60, (i) => `EXECUTE one (${FIRST + i})`),
        client,
      );
      for (let i = 0; i < 60; i += 1) {
        await thief.ask(client, { name: 'one more', text: 'SELECT id, first_name FROM pupils WHERE id = $1' }, [
          FIRST + 100 + i,
        ]);
      }
    },
  },
  {
    name: 'a pipeline of a hundred Binds before one Sync, and again after its error',
    asked: PUPILS,
    async run(thief) {
      const raw = await thief.raw();
      const one = (id: number) => [
        bind({
          portal: '',
          statement: 's',
          formats: [],
          valueCount: 1,
          values: textValue(String(id)),
          resultFormats: [],
        }),
        execute({ portal: '', maxRows: 0 }),
      ];
      await exchange(raw, [
        parse({ name: 's', text: 'SELECT id, first_name FROM pupils WHERE id = $1', types: [23] }),
        sync(),
      ]);
      for (let from = 0; from < 300; from += 100) {
        await exchange(raw, [...each(100, (i) => one(FIRST + from + i)).flat(), sync()]);
      }
    },
  },
  {
    name: 'portals, executed in pieces',
    asked: PUPILS,
    async run(thief) {
      const raw = await thief.raw();
      const open = [
        parse({ name: '', text: 'SELECT id, first_name FROM pupils', types: [] }),
        bind({ portal: 'p', statement: '', formats: [], valueCount: 0, values: Buffer.alloc(0), resultFormats: [1] }),
      ];
      for (let i = 0; i < 3; i += 1) {
        await exchange(
          raw,
          [query('BEGIN'), ...open, ...each(30, () => execute({ portal: 'p', maxRows: 3 })), sync(), query('ROLLBACK')],
          3,
        );
      }
      // The tap sees no digits in binary rows: the names count.
    },
  },
  { name: 'COPY of the table', asked: PUPILS, run: texts('COPY pupils (id, first_name) TO STDOUT') },
  {
    name: 'COPY in every format',
    asked: PUPILS,
    async run(thief) {
      const raw = await thief.raw();
      const formats = [
        'FORMAT text',
        "FORMAT csv, HEADER, DELIMITER '1', QUOTE '9'",
        'FORMAT binary',
        "FORMAT text, NULL '910003'",
      ];
      for (const format of formats) {
        await exchange(raw, [
          query(`COPY (SELECT id, first_name FROM pupils WHERE id < ${FIRST + 10}) TO STDOUT (${format})`),
        ]);
      }
      for (const format of formats) {
        await exchange(raw, [query(`COPY (SELECT id, first_name FROM pupils ORDER BY id DESC) TO STDOUT (${format})`)]);
      }
    },
    leaves: [37, 40],
    note: 'where a number was to mean NULL, each eight bytes of the row are a value',
  },
  {
    name: 'joins to a granted table',
    asked: PUPILS,
    run: texts(
      'SELECT a.pupil_id, p.first_name, a.reason FROM absences AS a JOIN pupils AS p ON p.id = a.pupil_id WHERE p.class_id = 1',
      'SELECT p.first_name, a.* FROM rooms AS r JOIN absences AS a ON a.id = r.id JOIN pupils AS p ON p.id = a.pupil_id',
      'SELECT a.pupil_id, r.name FROM absences AS a JOIN rooms AS r ON r.id = a.minutes',
    ),
  },
  {
    name: 'a new connection for each page',
    asked: PUPILS,
    async run(thief) {
      for (let i = 0; i < 20; i += 1) {
        const client = await thief.client();
        await thief.ask(client, `SELECT id, first_name FROM pupils WHERE id >= ${FIRST + 10 * i} ORDER BY id LIMIT 10`);
        await client.end();
      }
    },
  },
  {
    name: 'disconnecting in the middle of rows, fifty times',
    asked: PUPILS,
    async run(thief) {
      for (let i = 0; i < 50; i += 1) {
        const raw = await thief.raw();
        raw.socket.write(
          query(`SELECT id, first_name FROM pupils ORDER BY id + ${i} * 37 % 400, repeat(first_name, 100)`),
        );
        if (i % 2) await new Promise((done) => setTimeout(done, i % 7));
        raw.socket.destroy();
      }
      await thief.askAll(['SELECT id, first_name FROM pupils']);
    },
    leaves: [0, BUDGET],
    note: 'what was on its way to a client that has gone counts',
  },
  {
    name: 'cancelling in the middle of rows, thirty times',
    asked: PUPILS,
    leaves: [BUDGET - 30, BUDGET],
    note: 'one that is cancelled before its first row costs one',
    async run(thief) {
      const client = new pg.Client({ connectionString: thief.url });
      client.on('error', () => {});
      await client.connect();
      const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
      for (let i = 0; i < 30; i += 1) {
        const asked = thief.ask(client, `SELECT id, first_name FROM pupils WHERE id % 30 = ${i}`);
        await cancel(thief.tap.port, processID, secretKey);
        await asked;
      }
      await thief.ask(client, 'SELECT id, first_name FROM pupils');
      await client.end();
    },
  },
  {
    name: 'psql with FETCH_COUNT, \\copy and \\gdesc',
    asked: PUPILS,
    needs: PSQL,
    async run(thief) {
      const script = [
        '\\set FETCH_COUNT 5',
        'SELECT id, first_name FROM pupils WHERE class_id = 3;',
        'SELECT id, first_name FROM pupils \\gdesc',
        '\\copy (SELECT first_name, id FROM pupils) to stdout csv',
        'SELECT * FROM pupils;',
      ];
      await psqlScript(thief.url, `${script.join('\n')}\n`);
    },
  },
];

async function cancel(port: number, processId: number, secret: number): Promise<void> {
  const { connect } = await import('node:net');
  const message = Buffer.alloc(16);
  message.writeInt32BE(16, 0);
  message.writeInt32BE(80877102, 4);
  message.writeInt32BE(processId, 8);
  message.writeInt32BE(secret, 12);
  await new Promise<void>((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(message));
    socket.on('close', () => done());
    socket.on('error', () => done());
  });
}
