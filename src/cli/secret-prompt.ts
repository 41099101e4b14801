/** Reads a secret from standard input: the first line of a pipe, or typed twice at a terminal that does not show it. */

const CONTROL_C = '\u0003';
const CONTROL_D = '\u0004';

/** Empty if nothing was entered, or if the two differ. */
export async function readSecret(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) return firstLine();
  const secret = await typed(prompt);
  const again = await typed('Once more: ');
  if (secret === again) return secret;
  process.stderr.write('they differ\n');
  return '';
}

async function firstLine(): Promise<string> {
  process.stdin.setEncoding('utf8');
  let text = '';
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return (text.split('\n')[0] ?? '').replace(/\r$/, '');
}

function typed(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((done) => {
    let text = '';
    const finish = (): void => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      done(text);
    };
    const onData = (chunk: string): void => {
      for (const character of chunk) {
        if (character === CONTROL_C) {
          stdin.setRawMode(false);
          process.exit(130);
        }
        if (character === '\r' || character === '\n' || character === CONTROL_D) {
          finish();
          return;
        }
        text = character === '\u007f' || character === '\b' ? [...text].slice(0, -1).join('') : text + character;
      }
    };
    stdin.on('data', onData);
  });
}
