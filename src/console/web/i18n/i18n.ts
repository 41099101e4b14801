/** The words of the pages, in the reader's language: the one chosen here before, else the browser's. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { EN } from './en.ts';
import { FR } from './fr.ts';

export const LANGUAGES = ['en', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof EN };
    keySeparator: false;
    nsSeparator: false;
    returnNull: false;
  }
}

const CHOICE = 'rowgate-language';

export async function startI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: chosen() ?? firstKnown(navigator.languages) ?? 'en',
    resources: { en: { translation: EN }, fr: { translation: withMillions(FR) } },
    fallbackLng: false,
    keySeparator: false,
    nsSeparator: false,
    // React escapes what it renders.
    interpolation: { escapeValue: false, prefix: '{', suffix: '}' },
    initAsync: false,
    showSupportNotice: false,
  });
  document.documentElement.lang = i18next.language;
}

export function chooseLanguage(language: Language): void {
  try {
    localStorage.setItem(CHOICE, language);
  } catch {
    // It holds until the page is left.
  }
  document.documentElement.lang = language;
  void i18next.changeLanguage(language);
}

function chosen(): Language | undefined {
  try {
    return firstKnown([localStorage.getItem(CHOICE) ?? '']);
  } catch {
    return undefined;
  }
}

function firstKnown(tags: readonly string[]): Language | undefined {
  for (const tag of tags) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split('-')[0] === language);
    if (found) return found;
  }
  return undefined;
}

/** In French, a million has a plural of its own ("de personnes"); with digits it reads as the other. */
function withMillions(words: Readonly<Record<string, string>>): Record<string, string> {
  const others = Object.entries(words).filter(([key]) => key.endsWith('_other'));
  return { ...words, ...Object.fromEntries(others.map(([key, text]) => [key.replace(/_other$/, '_many'), text])) };
}
