import { dataOf, tagOf } from './data-words.js';
import { documentOf, form, type Setting } from './layout.js';
import { html, type Markup } from './markup.js';
import type { GrantsView, GrantView, WithdrawnView } from './view-models.js';

/** Shows a person the applications that they let in, with the last use of each, and lets them withdraw one. */
export function grantsPage(setting: Setting, view: GrantsView): string {
  const { words } = setting;
  const { grants } = words;
  const body = html`<div class="sheet">
    <div class="bar">
      <h1>${grants.title}</h1>
      ${form(view.signOut, html`<button>${grants.signOut}</button>`)}
    </div>
    ${view.user.name !== undefined && html`<p class="quiet">${words.consent.signedInAs(view.user.name)}</p>`}
    ${view.withdrawn !== undefined && receipt(setting, view.withdrawn)}
    <p>${view.grants.length === 0 ? grants.empty : grants.intro}</p>
    ${view.grants.map((grant) => card(setting, view, grant))}
  </div>`;
  return documentOf(setting, { title: grants.title, body });
}

function card({ words }: Setting, { withdraw }: GrantsView, grant: GrantView): Markup {
  const { grants } = words;
  const name = grant.applicationName ?? grants.closedApplication;
  return html`<section class="card" aria-labelledby="grant-${grant.grantId}">
    <h2 id="grant-${grant.grantId}">${name}</h2>
    ${grant.patient !== undefined && html`<p>${grants.record(grant.patient.name)}</p>`}
    <ul>
      ${grant.allowed.map((each) => html`<li>${dataOf(words, each.type).name} ${tagOf(words, each)}</li>`)}
    </ul>
    <p class="facts">
      ${grants.since(words.time(grant.consentedAt))}<br />
      ${grant.lastUsedAt === undefined ? grants.neverUsed : grants.lastUsed(words.time(grant.lastUsedAt))}
      ${grant.expiresAt !== undefined && html`<br />${grants.until(words.time(grant.expiresAt))}`}
      ${grant.approval !== undefined && html`<br />${grants.approved(grant.approval.by, words.date(grant.approval.until))}`}
    </p>
    ${form(
      withdraw,
      html`<input type="hidden" name="grant" value="${grant.grantId}" /><button class="away">
          ${grants.withdraw(name)}
        </button>`,
    )}
  </section>`;
}

/** What a withdrawal came to, in the words of the receipt: since when nobody lets the application in, and who said so. */
function receipt({ words }: Setting, withdrawn: WithdrawnView): Markup {
  const { grants } = words;
  return html`<section class="done" role="status">
    <h2>${grants.withdrawn(withdrawn.applicationName ?? grants.closedApplication)}</h2>
    <p>${grants.enforced(words.time(withdrawn.enforcedAt), withdrawn.points)}</p>
    ${withdrawn.outstanding > 0 && html`<p>${grants.outstanding(withdrawn.outstanding)}</p>`}
  </section>`;
}
