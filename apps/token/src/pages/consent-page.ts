import { alert, formStart } from './form.js';
import { document, escape, type RenderedPage } from './layout.js';
import { describe } from './picker-pages.js';
import type { AskedView, ConsentView } from './view-models.js';

/** Who asks, for what, and until when: each thing can be left out. */
export function consentPage(view: ConsentView, leadsTo?: string): RenderedPage {
  const { application, user, patient, asked, identity, offline } = view;
  const logo = application.logoUri === undefined ? '' : `<p><img src="${escape(application.logoUri)}" alt=""></p>`;
  const reads = asked.filter(({ changes }) => !changes);
  const changes = asked.filter((it) => it.changes);
  const body = `${alert(view.fault)}${logo}
<p><strong>${escape(application.name)}</strong> asks for access${patient === undefined ? '' : ` to the record of <strong>${escape(describe(patient))}</strong>`}.
It was reviewed and is approved here until ${escape(application.approvedUntil.slice(0, 10))}.</p>
${user.name === undefined ? '' : `<p>You are signed in as ${escape(user.name)}.</p>`}
<p>${link(application.privacyPolicyUri, 'Its privacy policy')} ${link(application.termsUri, 'Its terms')}</p>
${formStart(view.form)}
${section('It may read', reads)}
${section('It may read and change', changes)}
${
  identity.length === 0
    ? ''
    : `<fieldset><legend>About you</legend>
${identity.map(({ scope, explanation }) => box('scope', scope, explanation, true)).join('\n')}
</fieldset>`
}
${
  offline === undefined
    ? ''
    : `<fieldset><legend>How long</legend>
${box('duration', 'offline', `Keep this access while you are away, until it is not used for ${offline.days} days or you withdraw it`, false)}
</fieldset>`
}
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="decline">Decline</button>
</form>`;
  return document('Allow access?', body, leadsTo);
}

function section(legend: string, asked: readonly AskedView[]): string {
  if (asked.length === 0) return '';
  return `<fieldset><legend>${legend}</legend>
${asked.map(item).join('\n')}
</fieldset>`;
}

function item({ scope, explanation, parts }: AskedView): string {
  const narrower = parts.map((part) => box('scope', part.scope, part.label, false)).join('\n');
  return `${box('scope', scope, explanation, true)}
${narrower === '' ? '' : `<details><summary>Or only some of it</summary>\n${narrower}\n</details>`}`;
}

function box(name: string, value: string, label: string, checked: boolean): string {
  return `<label><input type="checkbox" name="${name}" value="${escape(value)}"${checked ? ' checked' : ''}> ${escape(label)}</label>`;
}

function link(uri: string | undefined, text: string): string {
  return uri === undefined ? '' : `<a href="${escape(uri)}" rel="noopener noreferrer">${escape(text)}</a>`;
}
