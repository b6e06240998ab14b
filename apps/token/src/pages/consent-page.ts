import { dataOf, tagOf } from './data-words.js';
import { documentOf, form, markOf, patientDetail, type Setting } from './layout.js';
import { html, type Markup } from './markup.js';
import type { AskedView, ConsentView } from './view-models.js';
import { wordFor, type DataWords } from './words/words.js';

/** Where a person sees what they agreed to, and takes it back. */
const GRANTS = '/oauth/grants';

/**
 * Asks a person whether an application may see what it asks for: who asks, whose record, who approved it, what it may see, what it may
 * change, what it learns about the person, and for how long. Reading is ticked, as the person came here to share;
 * changing and staying are not.
 */
export function consentPage(setting: Setting, view: ConsentView): string {
  const { words } = setting;
  const { application, approval, patient, user } = view;
  const title = words.consent.title(application.name);
  const body = html`<div class="sheet">
    <div class="head">
      ${markOf(application)}
      <div>
        <h1>${title}</h1>
        ${user.name !== undefined && html`<p class="quiet">${words.consent.signedInAs(user.name)}</p>`}
      </div>
    </div>
    <dl class="about">
      ${patient !== undefined && fact(words.consent.record, patient.name, patientDetail(setting, patient))}
      ${fact(words.consent.approvedBy, approval.by, words.consent.approvedUntil(words.date(approval.until)))}
    </dl>
    <p>${words.consent.choose}</p>
    ${form(view.form, fields(setting, view))}
    <p class="quiet">${words.consent.withdrawLater} <a href="${GRANTS}">${words.consent.withdrawLaterLink}</a>.</p>
    <p class="quiet">${words.consent.responsibility(application.name)}</p>
    <p class="links">
      ${application.privacyPolicyUri !== undefined && away(application.privacyPolicyUri, words.consent.privacy)}
      ${application.termsUri !== undefined && away(application.termsUri, words.consent.terms)}
    </p>
  </div>`;
  return documentOf(setting, { title, body });
}

function fact(term: string, name: string, detail: string): Markup {
  return html`<div>
    <dt>${term}</dt>
    <dd><strong>${name}</strong> ${detail}</dd>
  </div>`;
}

function fields(setting: Setting, { asked, identity, offline }: ConsentView): Markup {
  const { consent } = setting.words;
  const seen = asked.filter((each) => !each.changes);
  const changed = asked.filter((each) => each.changes);
  return html`${(seen.length > 0 || changed.length === 0) && group(consent.sees, seen.length === 0 ? html`<p>${consent.seesNothing}</p>` : rows(setting, seen))}
    ${
      changed.length > 0 &&
      group(
        consent.changes,
        html`<p class="caution">${consent.changesWarning}</p>
          ${rows(setting, changed)}`,
      )
    }
    ${
      identity.length > 0 &&
      group(
        consent.knows,
        html`<ul class="rows">
          ${identity.map(
            (scope) =>
              html`<li>
                ${choice({ name: 'scope', value: scope, checked: true, words: wordFor(consent.identity, scope) ?? { name: scope, detail: '' } })}
              </li>`,
          )}
        </ul>`,
      )
    }
    ${
      offline !== undefined &&
      group(
        consent.duration,
        html`<ul class="rows">
          <li>
            ${choice({
              name: 'duration',
              value: 'offline',
              checked: false,
              words: { name: consent.offline(offline.days), detail: `${consent.offlineDetail} ${consent.onlineOnly}` },
            })}
          </li>
        </ul>`,
      )
    }
    <div class="actions">
      <button class="main" name="decision" value="allow">${consent.allow}</button>
      <button name="decision" value="decline">${consent.decline}</button>
    </div>`;
}

function group(legend: string, content: Markup): Markup {
  return html`<fieldset>
    <legend>${legend}</legend>
    ${content}
  </fieldset>`;
}

function rows(setting: Setting, asked: readonly AskedView[]): Markup {
  return html`<ul class="rows">
    ${asked.map((each) => row(setting, each))}
  </ul>`;
}

function row({ words }: Setting, asked: AskedView): Markup {
  const known = dataOf(words, asked.type);
  const detail = asked.context === 'user' ? `${known.detail} ${words.consent.ofAllPatients}` : known.detail;
  return html`<li>
    ${choice({ name: 'scope', value: asked.scope, checked: !asked.changes, words: { name: known.name, detail }, tag: tagOf(words, asked) })}${parts()}
  </li>`;

  /** Without a script: the sheet shows the parts while the whole is not ticked. */
  function parts(): Markup | undefined {
    if (asked.parts.length === 0) return undefined;
    return html`<p class="hint">${words.consent.partsHint}</p>
      <div class="parts" role="group" aria-label="${known.name}: ${words.consent.partsTitle}">
        <span>${words.consent.partsTitle}</span>
        <ul>
          ${asked.parts.map(
            ({ scope, category }) =>
              html`<li>
                ${choice({ name: 'scope', value: scope, checked: false, words: { name: wordFor(words.categories, category) ?? category, detail: '' } })}
              </li>`,
          )}
        </ul>
      </div>`;
  }
}

interface Choice {
  readonly name: string;
  readonly value: string;
  readonly checked: boolean;
  readonly words: DataWords;
  readonly tag?: Markup;
}

function choice({ name, value, checked, words, tag }: Choice): Markup {
  return html`<label class="choice">
    <input type="checkbox" name="${name}" value="${value}" ${checked && 'checked'} />
    <span class="name">${words.name}</span>
    ${tag} ${words.detail !== '' && html`<span class="detail">${words.detail}</span>`}
  </label>`;
}

/** A link to somebody else's page: it learns nothing of this one, and leaves the form where it is. */
function away(href: string, text: string): Markup {
  return html`<a href="${href}" target="_blank" rel="noopener noreferrer">${text}</a>`;
}
