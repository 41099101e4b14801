/** The environment in which a configuration is read: with a saved catalog no connection is made, and its passwords need not be there. */

/** With a saved catalog, variables that are not set get placeholders: secrets are not needed. */
export function environmentFor(catalog: string | undefined): Record<string, string | undefined> {
  if (catalog === undefined) return process.env;
  return new Proxy(
    { ...process.env },
    { get: (target, name) => (typeof name === 'string' ? (target[name] ?? 'unset') : undefined) },
  );
}
