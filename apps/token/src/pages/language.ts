import Negotiator from 'negotiator';
import { english } from './words/english.js';
import { spanish } from './words/spanish.js';
import { type Language, languages, type Words } from './words/words.js';

const dictionaries: Readonly<Record<Language, Words>> = { en: english, es: spanish };

/** The words of a language. */
export function wordsOf(language: Language): Words {
  return dictionaries[language];
}

/** What a request says of the languages that its user reads. */
export interface Preferences {
  /** OpenID Connect Core, section 3.1.2.1: tags in the order of preference, separated by spaces. */
  readonly uiLocales?: string | undefined;
  /** The header `Accept-Language` (RFC 9110, section 12.5.4). */
  readonly acceptLanguage?: string | undefined;
}

/** The language of the pages: what the application asked for before what the browser prefers; English if we speak none. */
export function chooseLanguage({ uiLocales, acceptLanguage }: Preferences): Language {
  const asked = uiLocales?.trim().split(/\s+/).join(', ');
  for (const header of [asked, acceptLanguage]) {
    if (!header) continue;
    const best = new Negotiator({ headers: { 'accept-language': header } }).language([...languages]);
    const known = languages.find((language) => language === best);
    if (known !== undefined) return known;
  }
  return 'en';
}
