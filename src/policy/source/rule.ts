/** The place in the policy files that decided something. */

/** `roles/teacher.yaml:7`, relative to the policies folder. */
export type RuleRef = string;
