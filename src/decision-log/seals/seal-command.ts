/** Has a command sign seals, which uses an HSM or a service: the text on its input, the signature on its output. */
import { spawn } from 'node:child_process';
import { isSigned, type SealKey } from './seal-key.ts';

const TIME_LIMIT_MS = 10_000;
/** The most output that is read from a command. */
const MOST_CHARACTERS = 4096;

/** @param publicKey of the command's signatures, 32 bytes in base64url: other signatures are refused. */
export function sealCommand(command: string, publicKey: string): SealKey {
  return {
    publicKey,
    async sign(text) {
      const signature = (await answerOf(command, text)).trim();
      if (!isSigned(publicKey, text, signature))
        throw new Error('what it says is not a signature of log.seal.public_key');
      return signature;
    },
  };
}

/** Rejects if it fails, or takes more than ten seconds; it is then killed, with its child processes. */
function answerOf(command: string, text: string): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const said = { stdout: '', stderr: '' };
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // already ended
      }
    };
    const timer = setTimeout(() => {
      end();
      failed(new Error(`it has not answered in ${TIME_LIMIT_MS / 1000} seconds`));
    }, TIME_LIMIT_MS);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (more: string) => {
        said[name] = (said[name] + more).slice(0, MOST_CHARACTERS);
      });
    }
    child.stdin.on('error', () => {}); // a command that does not read its input
    child.stdin.end(text);
    child.once('error', failed);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) done(said.stdout);
      else failed(new Error(`it ended with ${signal ?? `exit code ${code}`}: ${said.stderr.trim()}`));
    });
  });
}
