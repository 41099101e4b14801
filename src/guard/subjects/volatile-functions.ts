/** Which functions leave something behind that a later call reveals. */
import type { Fn } from '../../sql/catalog/catalog.ts';

/** INVARIANT 76: an allow-list of the server's own volatile functions: they leave nothing behind that a later call reveals. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'clock_timestamp',
  'timeofday',
  'gen_random_uuid',
  'uuidv4',
  'currval',
  'lastval',
]);

export function hasEffect({
  volatility,
  schema,
  name,
  kind,
}: Pick<Fn, 'volatility' | 'schema' | 'name' | 'kind'>): boolean {
  return volatility === 'v' && kind !== 'p' && (schema !== 'pg_catalog' || !WITHOUT_EFFECT.has(name));
}
