/** Compares a live server's account with the wall that should stand there: what is missing, what is more, what is another. */
import { comparePolicies } from './compare-policies.ts';
import { compareRights } from './compare-rights.ts';
import type { Comparison, Differ, Difference } from './comparison.ts';
import type { FoundAccount } from './found.ts';
import { named } from './sql-text.ts';

export function compareWall(comparison: Comparison): Difference[] {
  const { wall, found } = comparison;
  const differences: Difference[] = [];
  const differ: Differ = (kind, what) => differences.push({ account: wall.account, kind, what });
  if (!found.exists) {
    differ('account', 'the role does not exist');
    return differences;
  }
  compareAccount(found, differ);
  compareRights(comparison, differ);
  comparePolicies(comparison, differ);
  compareObjects(comparison, differ);
  compareSettings(comparison, differ);
  return differences;
}

/** Each of these goes past every grant and every filter. */
function compareAccount(found: FoundAccount, differ: Differ): void {
  if (!found.login) differ('account', 'the role may not log in');
  for (const attribute of found.attributes) differ('account', `the role has ${attribute}`);
  for (const other of found.memberOf) differ('account', `the role is a member of ${named(other)}`);
  for (const object of found.owns) differ('account', `the role owns ${object}`);
}

function compareObjects({ wall, found, canonical }: Comparison, differ: Differ): void {
  wall.views.forEach(({ name }, at) => {
    const view = found.views.find((candidate) => candidate.name === name);
    if (!view) differ('view', `view ${named(name)} is missing`);
    else if (view.query !== canonical.views[at]) differ('view', `view ${named(name)} has another definition`);
    else if (!view.barrier) differ('view', `view ${named(name)} is no security barrier`);
  });
  wall.checks.forEach(({ name, body }, at) => {
    const check = found.checks.find(
      (candidate) => candidate.name === name && candidate.arguments === canonical.checks[at],
    );
    if (!check) differ('view', `function ${named(name)} is missing`);
    else if (check.body !== body || !check.definer) differ('view', `function ${named(name)} has another definition`);
  });
  const expected = new Set([...wall.views, ...wall.checks].map(({ name }) => name));
  for (const { name } of [...found.views, ...found.checks]) {
    if (!expected.has(name)) differ('view', `${named(name)} stands in the wall’s schema and is not part of it`);
  }
}

function compareSettings({ wall, found }: Comparison, differ: Differ): void {
  const paths = JSON.stringify(wall.ownPath);
  if (JSON.stringify(found.searchPath) !== paths) differ('setting', `search_path is not ${paths}`);
  for (const [name, value] of wall.settings) {
    const now = found.settings.get(name);
    if (now === undefined) differ('setting', `${name} is not set`);
    else if (now !== value) differ('setting', `${name} is ${named(now)}, not ${named(value)}`);
  }
  for (const name of found.settings.keys()) {
    if (!wall.settings.has(name) && name !== 'search_path')
      differ('setting', `${name} is set, and the wall sets it not`);
  }
}
