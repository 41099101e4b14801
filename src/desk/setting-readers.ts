/** Settings of an application that a role may set, and that the server itself reads: what its row security or its functions decide by is then the client's to say. */
import type { Query } from '../catalog/read.ts';
import type { Policy } from '../policy/model/policy.ts';
import { type Diagnostic, placeOfRule } from '../policy/source/diagnostic.ts';
import { PolicyDocument, type PolicyFile } from '../policy/source/document.ts';

/** What people have made that may read a setting, as SQL text. Of functions in C and the like nothing can be told. */
const READERS = `
  SELECT format('policy %I on %s', p.polname, p.polrelid::regclass) AS reader,
    concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) AS text FROM pg_policy AS p
  UNION ALL SELECT 'function ' || p.oid::regprocedure, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) FROM pg_proc AS p
    JOIN pg_language AS l ON l.oid = p.prolang WHERE p.oid >= 16384 AND l.lanname NOT IN ('internal', 'c')
  UNION ALL SELECT 'view ' || c.oid::regclass, pg_get_viewdef(c.oid) FROM pg_class AS c WHERE c.oid >= 16384 AND c.relkind IN ('v', 'm')
  UNION ALL SELECT format('default of %s.%I', d.adrelid::regclass, a.attname), pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d
    JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid >= 16384
  UNION ALL SELECT format('constraint %I of %s', c.conname, c.conrelid::regclass), pg_get_constraintdef(c.oid) FROM pg_constraint AS c
    WHERE c.contype = 'c' AND c.conrelid >= 16384`;

/** More of them are counted. */
const MOST_NAMED = 3;

/** `current_setting` of something else than a literal: which name it is cannot be told. */
const OF_ANY_NAME = /\bcurrent_setting\s*\(\s*(?!'[^']*'\s*(?:::\s*\w+)?\s*[,)])/i;

/** A warning for each view, function, default and check that reads a setting which a role may change. */
export async function settingReaders(
  { roles }: Policy,
  files: readonly PolicyFile[],
  query: Query,
): Promise<Diagnostic[]> {
  const granted = [...roles.values()].flatMap((role) =>
    [...(role.settings?.keys() ?? [])].filter((name) => name.includes('.')).map((name) => ({ role, name })),
  );
  if (granted.length === 0) return [];
  const readers = (await query(READERS)).map(({ reader, text }) => ({
    reader: String(reader),
    text: String(text ?? ''),
  }));
  return granted.flatMap(({ role, name }): Diagnostic[] => {
    const named = new RegExp(`(?<![\\w$.])${name.replace(/[.$]/g, '\\$&')}(?![\\w$.])`, 'i');
    const sure = readers.filter(({ text }) => named.test(text));
    const perhaps = readers.filter(({ text }) => OF_ANY_NAME.test(text) && !named.test(text));
    if (sure.length + perhaps.length === 0) return [];
    const ofRole = placeOfRule(role.rule);
    const file = files.find(({ path }) => path === ofRole.file);
    const place = file ? new PolicyDocument(file).place(['settings', name]) : ofRole;
    const reads = sure.length > 0 ? `${listed(sure)} of the database reads "${name}"` : undefined;
    const may = perhaps.length > 0 ? `${listed(perhaps)} reads settings with names that cannot be told` : undefined;
    const what = [reads, may].filter((part) => part !== undefined).join(', and ');
    return [
      {
        ...place,
        severity: 'warning',
        message: `${what}: role "${role.name}" may set it as it likes`,
        role: role.name,
      },
    ];
  });
}

function listed(readers: readonly { readonly reader: string }[]): string {
  const names = readers.slice(0, MOST_NAMED).map(({ reader }) => reader);
  const more = readers.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
