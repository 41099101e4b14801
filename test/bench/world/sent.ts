/** What a guard sends for a statement, so that it can be sent without one. */
import { PolicyReader } from '../../../src/app/policy-reader.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { Guard } from '../../../src/guard/guard.ts';
import { renderLiterals } from '../../../src/session/client/render.ts';
import { loadParser } from '../../../src/sql/parse/parse.ts';
import { serve } from './guard.ts';
import type { Database } from './world.ts';

/** The statement as it is sent for a principal of this role. @param limit of its rows: not written where the role has none. */
export async function sentFor(database: Database, role: string, statement: string, limit = 0n): Promise<string> {
  await loadParser();
  const served = await serve(database);
  const { config } = loadConfig(served.configFile, {});
  const { catalog, policy } = await new PolicyReader(config!).read();
  await served.stop();
  const guard = new Guard({ catalog, role: policy!.roles.get(role)!, searchPath: ['public'] });
  const values = { attributes: new Map([['branches', '10']]), limit };
  return renderLiterals(statement, guard.judge(statement), values).sent;
}
