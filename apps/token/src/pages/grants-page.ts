import { formStart } from './form.js';
import { document, escape, type RenderedPage } from './layout.js';
import { describe } from './picker-pages.js';
import type { GrantsView, GrantView } from './view-models.js';

/** Who was let in, since when, for what: each can be sent away. */
export function grantsPage(view: GrantsView): RenderedPage {
  const { withdrawn } = view;
  const receipt =
    withdrawn === undefined
      ? ''
      : `<p role="status">${escape(withdrawn.applicationName)} has no access any more since ${escape(withdrawn.enforcedAt)},
in force at ${withdrawn.points} points${withdrawn.outstanding === 0 ? '' : `; ${withdrawn.outstanding} did not report, and let nobody in`}.</p>`;
  const body = `${receipt}
${view.user.name === undefined ? '' : `<p>You are signed in as ${escape(view.user.name)}.</p>`}
${view.grants.length === 0 ? '<p>You have let no application in.</p>' : view.grants.map((grant) => grantOf(view, grant)).join('\n')}
${formStart(view.signOut)}
<button type="submit">Sign out</button>
</form>`;
  return document('Applications with access', body);
}

function grantOf(view: GrantsView, grant: GrantView): string {
  return `<section>
<h2>${escape(grant.applicationName)}</h2>
${grant.patient === undefined ? '' : `<p>The record of ${escape(describe(grant.patient))}</p>`}
<ul>
${grant.explanations.map((it) => `<li>${escape(it)}</li>`).join('\n')}
</ul>
<p>Allowed ${escape(grant.consentedAt)}. ${grant.lastUsedAt === undefined ? 'Not used yet.' : `Last used ${escape(grant.lastUsedAt)}.`}</p>
${formStart(view.withdraw)}
<input type="hidden" name="grant" value="${escape(grant.grantId)}">
<button type="submit">Withdraw access of ${escape(grant.applicationName)}</button>
</form>
</section>`;
}
