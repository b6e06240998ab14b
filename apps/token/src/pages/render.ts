import { consentPage } from './consent-page.js';
import { grantsPage } from './grants-page.js';
import { document, escape, type RenderedPage } from './layout.js';
import { encounterPickerPage, patientPickerPage } from './picker-pages.js';
import type { NoticeView, PageView } from './view-models.js';

/**
 * A page.
 *
 * @param leadsTo the redirect URI to which a form of the page leads in the end
 */
export function renderPage(view: PageView, leadsTo?: string): RenderedPage {
  switch (view.page) {
    case 'patient-picker':
      return patientPickerPage(view, leadsTo);
    case 'encounter-picker':
      return encounterPickerPage(view, leadsTo);
    case 'consent':
      return consentPage(view, leadsTo);
    case 'grants':
      return grantsPage(view);
    case 'notice':
      return noticePage(view);
    default:
      return view satisfies never;
  }
}

/** What a person sees of an authorization request that cannot be answered where it came from. */
export function errorPage(status: number, error: string, description: string | undefined): RenderedPage {
  return noticePage({
    page: 'notice',
    status,
    title: 'This request cannot go on',
    detail: `${error}${description === undefined ? '' : `: ${description}`}`,
  });
}

function noticePage({ title, detail }: NoticeView): RenderedPage {
  return document(title, `<p>${escape(detail)}</p>`);
}
