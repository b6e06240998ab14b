import { html, type Markup } from './markup.js';
import { styleElement } from './page-style.js';
import type { ApplicationView, FormView, PatientView } from './view-models.js';
import { wordFor, type Language, type Words } from './words/words.js';

/** What all pages are built with: the language and its words. */
export interface Setting {
  readonly language: Language;
  readonly words: Words;
}

/** A whole document. */
export function documentOf(
  { language, words }: Setting,
  { title, body }: { readonly title: string; readonly body: Markup },
): string {
  return html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${title}</title>
        ${styleElement}
      </head>
      <body>
        <a class="skip" href="#content">${words.skip}</a>
        <main id="content">${body}</main>
      </body>
    </html> `.toString();
}

/** A form that posts to us and carries its token; it never sends what an earlier page may have left in a field. */
export function form({ action, csrf }: FormView, fields: Markup): Markup {
  return html`<form method="post" action="${action}" autocomplete="off">
    <input type="hidden" name="csrf" value="${csrf}" />
    ${fields}
  </form>`;
}

/** The first letter of an application, in the place of a logo: a page of ours fetches nothing from elsewhere. */
export function markOf({ name }: ApplicationView): Markup {
  return html`<span class="mark" aria-hidden="true">${[...name][0]?.toUpperCase()}</span>`;
}

/** A patient as people tell one from another: the birth date and the gender stand beside the name. */
export function patientDetail({ words }: Setting, { birthDate, gender }: PatientView): string {
  const parts = [
    birthDate === undefined ? undefined : words.consent.born(words.date(birthDate)),
    gender === undefined ? undefined : (wordFor(words.gender, gender) ?? gender),
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}
