import { consentPage } from './consent-page.js';
import { grantsPage } from './grants-page.js';
import { wordsOf } from './language.js';
import { documentOf, type Setting } from './layout.js';
import { html } from './markup.js';
import { encounterPickerPage, patientPickerPage } from './picker-pages.js';
import type { NoticeView, PageView } from './view-models.js';
import type { Language } from './words/words.js';

/** A page as a whole HTML document, which fetches nothing, runs no script, and is to be sent with {@link pagePolicy}. */
export function renderPage(view: PageView, language: Language): string {
  const setting: Setting = { language, words: wordsOf(language) };
  switch (view.page) {
    case 'consent':
      return consentPage(setting, view);
    case 'patient-picker':
      return patientPickerPage(setting, view);
    case 'encounter-picker':
      return encounterPickerPage(setting, view);
    case 'grants':
      return grantsPage(setting, view);
    case 'notice':
      return noticePage(setting, view);
    default:
      return view satisfies never;
  }
}

function noticePage(setting: Setting, { notice, said }: NoticeView): string {
  const { title, detail } = setting.words.notices[notice];
  return documentOf(setting, {
    title,
    body: html`<div class="sheet">
      <h1>${title}</h1>
      <p>${detail}</p>
      ${said !== undefined && html`<p class="quiet" lang="en">${said}</p>`}
    </div>`,
  });
}
