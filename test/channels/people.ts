/** The people of the databases, by their part: known or hidden. */

/** Whom each of the people behind the account has been shown. */
export const KNOWN = [1, 2, 3] as const;

/** The person in whom the databases differ. */
export const HIDDEN = 5;
