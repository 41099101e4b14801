/** A relay that looks at nothing, with the sockets and the runtime that the guard has: what is left of a guard that costs nothing. */
import { connect, createServer } from 'node:net';

const [port, serverHost, serverPort] = process.argv.slice(2);

createServer({ noDelay: true }, (client) => {
  const server = connect({ host: serverHost, port: Number(serverPort), noDelay: true });
  for (const [from, to] of [
    [client, server],
    [server, client],
  ]) {
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
    from.on('close', () => to.destroy());
    from.on('error', () => {});
  }
}).listen(Number(port), '127.0.0.1');
