import fc from 'fast-check';
import { sampleViews } from '../../../../test/pages/sample-views.js';
import { chooseLanguage } from './language.js';
import { pagePolicy } from './page-style.js';
import { renderPage } from './render-page.js';
import { languages } from './words/words.js';

/** All tags of a page, in order, without what stands in them. */
function tagsOf(page: string): string[] {
  return page.match(/<\/?[a-z][a-z0-9]*/g) ?? [];
}

describe('a page', () => {
  it('takes every text for text, whatever it says', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '<script>alert(1)</script>',
        '"><img src=x onerror=alert(1)>',
        "' autofocus onfocus='x",
        '</title><b>',
        '&lt;',
        '${x}',
        '__proto__',
        'constructor',
      ),
    );
    fc.assert(
      fc.property(hostile, fc.constantFrom(...languages), (text, language) => {
        const { consent, grants } = sampleViews;
        const calm = renderPage(consent, language);
        const attacked = renderPage(
          {
            ...consent,
            application: { ...consent.application, name: `A${text}`, termsUri: text },
            form: { action: text, csrf: text },
            approval: { by: text, until: text },
            user: { name: text },
            patient: { ...consent.patient, name: text, gender: text, birthDate: text },
            asked: consent.asked.map((each) => ({
              ...each,
              scope: text,
              parts: each.parts.map(() => ({ scope: text, category: text })),
            })),
          },
          language,
        );
        expect(tagsOf(attacked)).toEqual(tagsOf(calm));
        const granted = grants.grants.map((grant) => ({
          ...grant,
          grantId: text,
          applicationName: text,
          approval: { by: text, until: text },
          consentedAt: text,
        }));
        expect(tagsOf(renderPage({ ...grants, grants: granted }, language))).toEqual(
          tagsOf(renderPage(grants, language)),
        );
      }),
    );
  });

  it('runs no script and is in no frame, and its form leads to the application alone', () => {
    expect(pagePolicy('https://app.example/callback?x=1')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; img-src 'self'; form-action 'self' https:\/\/app\.example; frame-ancestors 'none'; base-uri 'none'$/,
    );
    expect(pagePolicy('com.example.app:/callback')).toContain("form-action 'self' com.example.app:;");
    expect(pagePolicy()).toContain("form-action 'self';");
    expect(
      Object.values(sampleViews)
        .map((view) => renderPage(view, 'en'))
        .join(),
    ).not.toMatch(/<script| on[a-z]+=|style="/);
  });

  it('loads no picture: what applications name as their logos is fetched by nobody', () => {
    for (const view of Object.values(sampleViews)) expect(renderPage(view, 'en')).not.toContain('<img');
  });
});

describe('the language of a page', () => {
  it.each([
    [{}, 'en'],
    [{ acceptLanguage: 'es-MX,es;q=0.9,en;q=0.8' }, 'es'],
    [{ acceptLanguage: 'fr, de;q=0.5' }, 'en'],
    [{ acceptLanguage: 'en;q=0.1, es' }, 'es'],
    [{ uiLocales: 'fr-CA es en', acceptLanguage: 'en' }, 'es'],
    [{ uiLocales: '\u0000;;q=', acceptLanguage: 'es' }, 'es'],
  ])('%j is %s', (preferences, language) => {
    expect(chooseLanguage(preferences)).toBe(language);
  });
});
