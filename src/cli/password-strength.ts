/** How soon a password is guessed: by zxcvbn, whose dictionaries are loaded where a password is to be judged. */

/** Of five, from 0. zxcvbn: "safely unguessable". */
const ENOUGH = 3;

/** Words that are no secret here. */
const KNOWN = ['rowgate', 'postgres', 'postgresql', 'database', 'guard', 'principal', 'verifier'];

export interface Weakness {
  /** `it can be guessed by 10,000 tries a second in 3 hours` */
  readonly message: string;
  /** What makes it weak, and what would make it stronger; perhaps nothing. */
  readonly advice: readonly string[];
}

/** Undefined where the password is good enough. `names`: what whoever tries would try first, as the principal's. */
export type JudgePassword = (password: string, names: readonly string[]) => Weakness | undefined;

export async function passwordJudge(): Promise<JudgePassword> {
  const [{ ZxcvbnFactory }, common, english] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-en'),
  ]);
  const zxcvbn = new ZxcvbnFactory({
    translations: english.translations,
    graphs: common.adjacencyGraphs,
    dictionary: { ...common.dictionary, ...english.dictionary },
  });
  return (password, names) => {
    const known = [...KNOWN, ...names.flatMap(partsOf)];
    // What is put around a name that everybody knows must do it alone.
    const rest = without(password, known);
    const whole = zxcvbn.check(password, known);
    const judged = whole.score < ENOUGH || rest === password ? whole : zxcvbn.check(rest, known);
    if (judged.score >= ENOUGH) return undefined;
    const { warning, suggestions } = judged.feedback;
    const what = judged === whole ? 'it' : 'what is left of it without names';
    return {
      message: `${what} can be guessed by 10,000 tries a second in ${judged.crackTimes.offlineSlowHashingXPerSecond.display}`,
      advice: [...(warning ? [warning] : []), ...suggestions],
    };
  };
}

/** `college_12_app`: itself, and `college`, `12`, `app`. */
function partsOf(name: string): string[] {
  return [name, ...name.split(/[^\p{L}\p{N}]+/u)].filter((part) => part.length > 1);
}

/** Shorter ones are part of many a word. */
const SHORTEST_NAME = 3;

function without(password: string, names: readonly string[]): string {
  const found = [...names].filter(({ length }) => length >= SHORTEST_NAME).sort((a, b) => b.length - a.length);
  return found.reduce((rest, name) => {
    const at = rest.toLowerCase().indexOf(name.toLowerCase());
    return at < 0 ? rest : rest.slice(0, at) + rest.slice(at + name.length);
  }, password);
}
