import type { FastifyReply } from 'fastify';
import { chooseLanguage } from './language.js';
import { pagePolicy } from './page-style.js';
import { renderPage } from './render-page.js';
import type { PageView } from './view-models.js';

/** What else a page depends on. */
export interface PageRequest {
  /** Where its form leads in the end: the redirect URI of the application. */
  readonly leadsTo?: string | undefined;
  /** `ui_locales` of the authorization request (OpenID Connect Core 1.0, 3.1.2.1). */
  readonly uiLocales?: string | undefined;
}

/** Answers with a page in the language of its reader, kept by nobody. */
export async function sendPage(
  reply: FastifyReply,
  view: PageView,
  { leadsTo, uiLocales }: PageRequest = {},
): Promise<void> {
  const language = chooseLanguage({ uiLocales, acceptLanguage: reply.request.headers['accept-language'] });
  await reply
    .status(view.page === 'notice' ? view.status : 200)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-language': language,
      'content-security-policy': pagePolicy(leadsTo),
      'cache-control': 'no-store',
      vary: 'accept-language',
    })
    .send(renderPage(view, language));
}
