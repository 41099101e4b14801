/** Which tables of a database are about people: the data subjects, all of their keys, and what kinds of personal data there are. */

import { inheritanceRelatives } from '../../policy/compile/names.ts';
import { SubjectReach } from '../../policy/compile/subject-reach.ts';
import { keyProblem } from '../../policy/compile/subjects.ts';
import type { ColumnRef, Subject } from '../../policy/model/policy.ts';
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';

/** Words for people, in names of tables. */
const PEOPLE =
  /(?:^|_)(?:person|people|student|pupil|learner|child|customer|client|patient|user|account|member|employee|worker|staff|teacher|contact|parent|guardian|citizen|resident|tenant|subscriber|passenger|guest|candidate|applicant|donor|author|actor|owner|personne|individu|eleve|etudiant|enfant|adherent|usager|agent|salarie|employe|enseignant|professeur|citoyen|habitant|locataire|abonne|voyageur|candidat|responsable|famille)(?:e?s)?(?:_|$)/;
/** What rows about people have. */
const OF_PEOPLE =
  /^(?:first_?name|last_?name|full_?name|surname|given_?name|nom|prenom|nom_.*|birth.*|date_(?:de_)?naissance|date_of_birth|dob|gender|sex|sexe|e?_?mail|courriel|phone|telephone|mobile|ssn|ine|nir)$/;

/** By category: words in names, comments and types of columns, English and French, without accents. */
const CATEGORIES: readonly (readonly [category: string, words: RegExp])[] = [
  [
    'health',
    /(?:^|_)(?:health|medical|medic|diagnos[a-z]*|allerg[a-z]*|disab[a-z]*|handicap|illness|disease|blood|sante|maladie|medecin|vaccin[a-z]*|infirm[a-z]*|nurse)(?:_|$)/,
  ],
  [
    'beliefs',
    /(?:^|_)(?:religio[a-z]*|faith|union|politic[a-z]*|ethnic[a-z]*|race|syndic[a-z]*|politique|culte|origine)(?:_|$)/,
  ],
  [
    'identity',
    /(?:^|_)(?:ssn|ine|nir|passport|passeport|national_id|identity|identite|social_security|securite_sociale|numero_secu|tax_id|birth[a-z]*|dob|naissance|nationality|nationalite|sex|sexe|gender|genre|photo|signature)(?:_|$)/,
  ],
  ['name', /(?:^|_)(?:first_?name|last_?name|full_?name|surname|given_?name|maiden|nickname|nom|prenom|pseudo)(?:_|$)/],
  [
    'contact',
    /(?:^|_)(?:e?mail|courriel|phone|telephone|tel|mobile|portable|fax|address|addr|adresse|street|rue|zip|postcode|postal|code_postal|city|ville|commune)(?:_|$)/,
  ],
  [
    'finance',
    /(?:^|_)(?:iban|bic|bank|banque|rib|salary|salaire|wage|income|revenu[a-z]*|credit_?card|card_number|carte)(?:_|$)/,
  ],
  ['location', /(?:^|_)(?:latitude|longitude|lat|lng|gps|geoloc[a-z]*|position|ip|ip_address|last_ip)(?:_|$)/],
  ['credentials', /(?:^|_)(?:password|passwd|pwd|mot_de_passe|secret|token|api_key|otp)(?:_|$)/],
];

/** Keys of tables that seem to hold one row for each person, those that most foreign keys of other tables reference first. */
export function candidates(catalog: Catalog): ColumnRef[] {
  const referenced = new Map<number, number>();
  for (const { oid, foreignKeys } of catalog.data.relations)
    for (const { relation } of foreignKeys)
      if (relation !== oid) referenced.set(relation, (referenced.get(relation) ?? 0) + 1);
  return catalog.data.relations
    .flatMap((relation) => {
      const [only, second] = relation.primaryKey;
      const column = relation.columns.find(({ attnum }) => attnum === only);
      if (!/^[rp]$/.test(relation.kind) || relation.parents.length > 0 || !isOfUsers(relation)) return [];
      if (!column || second !== undefined || keyProblem(catalog, column)) return [];
      const told = relation.columns.filter(({ name }) => OF_PEOPLE.test(plain(name))).length;
      const score = (PEOPLE.test(plain(relation.name)) ? 2 : 0) + Math.min(told, 3);
      return score >= 2 ? [{ relation, column, referenced: referenced.get(relation.oid) ?? 0, score }] : [];
    })
    .sort((a, b) => b.referenced - a.referenced || b.score - a.score || (a.relation.name < b.relation.name ? -1 : 1));
}

/** The first key, every column that references a key, and every one that is named and typed so; columns of views as well. */
export function keysOf(catalog: Catalog, name: string, first: ColumnRef): ColumnRef[] {
  const keys = [first];
  // Partitions have their parents' keys: keys of a partition alone come last.
  for (const roots of [true, false]) {
    for (;;) {
      const added = missingKeys(catalog, name, keys, roots);
      if (added.length === 0) break;
      keys.push(...added);
    }
  }
  return keys;
}

function missingKeys(catalog: Catalog, name: string, keys: readonly ColumnRef[], roots: boolean): ColumnRef[] {
  const subject: Subject = {
    name,
    keys,
    lost: { first: false, relations: new Set() },
    canaries: [],
    categories: new Map(),
    rule: '',
  };
  const reach = new SubjectReach(catalog, [subject], { relations: new Map(), functions: new Map() });
  const added = new Map<string, ColumnRef>();
  for (const relation of catalog.data.relations) {
    if (!isOfUsers(relation) || !/^[rpvmf]$/.test(relation.kind) || (roots && relation.parents.length > 0)) continue;
    for (const { column } of [...reach.undeclaredKeys(subject, relation), ...reach.evidentKeys(subject, relation)]) {
      const family = [relation, ...inheritanceRelatives(catalog, relation)].map(({ oid }) => `${oid}.${column.name}`);
      if (keyProblem(catalog, column) || family.some((member) => added.has(member))) continue;
      added.set(`${relation.oid}.${column.name}`, { relation, column });
    }
  }
  return [...added.values()];
}

/** Proposals, by category: columns of the tables that hold a key. `comments`: by `OID.attnum`. */
export function categoriesOf(
  keys: readonly ColumnRef[],
  comments: ReadonlyMap<string, string>,
): Map<string, ColumnRef[]> {
  const found = new Map<string, ColumnRef[]>();
  for (const relation of new Set(keys.map((key) => key.relation))) {
    if (relation.kind === 'v' || relation.kind === 'm') continue;
    for (const column of relation.columns) {
      if (keys.some((key) => key.relation === relation && key.column === column)) continue;
      const texts = [column.name, comments.get(`${relation.oid}.${column.attnum}`) ?? ''].map(plain);
      const category = CATEGORIES.find(([, words]) => texts.some((text) => words.test(text)))?.[0];
      const typed = category ?? (/^(?:inet|cidr|point|geography)/.test(column.typeName) ? 'location' : undefined);
      if (typed !== undefined) found.set(typed, [...(found.get(typed) ?? []), { relation, column }]);
    }
  }
  return found;
}

function isOfUsers({ schema }: Relation): boolean {
  return !/^pg_/.test(schema) && schema !== 'information_schema';
}

/** `dateNaissance` and `Date de naissance` as `date_naissance` and `date_de_naissance`. */
function plain(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_');
}
