/** `rowgate login`: a token for a person, and what to set so that clients that know no tokens log in by it. */
import type { Command } from 'commander';
import { printError, printOut } from '../app/print.ts';
import { logPlace, zoneOf } from '../config/log-place.ts';
import { loginOf } from '../policy/compile/token-issuers.ts';
import { shownTime } from '../policy/source/calendar.ts';
import { PolicyFolderError, readPolicyFolder } from '../policy-files/folder.ts';
import {
  type DeviceLogin,
  DeviceLoginError,
  type DevicePrompt,
  type DeviceToken,
  logInByDevice,
} from './device-login.ts';

const HELP = `
Examples:
  eval "$(rowgate login --issuer https://id.example --client-id rowgate-cli)"
  psql "host=db.example user=teachers dbname=ent sslmode=verify-full"
  rowgate login --issuer https://id.example --client-id rowgate-cli --json
  rowgate login --as teachers --policies ./policies     where the policies are at hand

What is set holds as long as the token. Clients that know OAuth themselves, as psql 18, need none of it.

Exit code: 0, 1 where there is no token, 2 for a wrong call.`;

/** Asks the guard to take a token instead of a password. */
const AS_PASSWORD = '-c rowgate.login=token';

interface Options {
  readonly issuer?: string;
  readonly clientId?: string;
  readonly scope?: string;
  readonly as?: string;
  readonly policies: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('login')
    .description('get a token by logging in with a browser, and print what to set for psql and other clients')
    .option('--issuer <address>', 'who gives out tokens, as the principal’s token.issuer')
    .option('--client-id <name>', 'the client that the issuer knows')
    .option('--scope <scopes>', 'what to ask for, with spaces between them (default: openid)')
    .option('--as <principal>', 'take issuer, client and scopes from the policies, where they are at hand')
    .option('--policies <folder>', 'where they are', './policies')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', HELP)
    .action(async (options: Options, command: Command) => {
      const wanted = await wantedBy(options);
      if (typeof wanted === 'string') command.error(`error: ${wanted}`, { exitCode: 2 });
      try {
        const token = await logInByDevice(wanted, (prompt) => printError(inWords(prompt)));
        printOut(options.json ? asJson(token) : asShell(token, zoneOf(logPlace('rowgate.yaml', process.env))));
      } catch (error) {
        if (!(error instanceof DeviceLoginError)) throw error;
        printError(`rowgate: ${error.message}\n`);
        process.exitCode = 1;
      }
    });
}

/** Or what is wrong with the call. */
async function wantedBy(options: Options): Promise<DeviceLogin | string> {
  const written = options.as === undefined ? undefined : await fromPolicies(options.as, options.policies);
  if (typeof written === 'string') return written;
  const issuer = options.issuer ?? written?.issuer;
  const clientId = options.clientId ?? written?.clientId;
  if (issuer === undefined || clientId === undefined) return 'expected --issuer and --client-id, or --as';
  if (!URL.canParse(issuer)) return 'expected an address as "https://…" behind --issuer';
  return { issuer: new URL(issuer), clientId, scope: options.scope ?? written?.scope ?? 'openid' };
}

async function fromPolicies(principal: string, folder: string): Promise<ReturnType<typeof loginOf> | string> {
  try {
    const login = loginOf(await readPolicyFolder(folder), principal);
    return login ?? `no end user can log in to "${principal}" by a token: its "token.login" is missing, or has errors`;
  } catch (error) {
    if (error instanceof PolicyFolderError) return error.message;
    throw error;
  }
}

function inWords({ address, code, complete }: DevicePrompt): string {
  const short = complete === undefined ? '' : `\n(the two in one: ${complete})`;
  return `Open ${address} in a browser, and enter the code ${code}${short}\n`;
}

function asShell({ token, expires }: DeviceToken, timeZone: string): string {
  const until = expires ? `# until ${shownTime(expires.getTime(), timeZone)}\n` : '';
  return `${until}export PGPASSWORD='${token}'\nexport PGOPTIONS='${AS_PASSWORD}'\n`;
}

function asJson({ token, expires }: DeviceToken): string {
  return `${JSON.stringify({ token, options: AS_PASSWORD, ...(expires && { expires: expires.toISOString() }) })}\n`;
}
