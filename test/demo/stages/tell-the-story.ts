import { must } from '../checks.js';
import { at, listAt, textAt } from '../json.js';
import type { Stage } from '../walk.js';

export const tellTheStory: Stage = {
  title: 'An auditor reads its whole life on one page',
  async run({ applicationId, auditor, say }) {
    const { body } = await auditor.get(`/audit/applications/${applicationId}/timeline`);
    const nameOf = (path: string) =>
      textAt(body, at(body, `${path}.name`) === undefined ? `${path}.id` : `${path}.name`);
    say(`who registered it?        ${nameOf('registered.by')}, ${textAt(body, 'registered.at')}`);
    say(`what was asked?           ${listAt(body, 'requested.scopes').join(' ')}`);
    const approvals = listAt(body, 'approvals');
    must(approvals.length > 0, 'an approval is on the page', body);
    say(`who approved what?        ${nameOf('approvals.0.by.0')}: ${listAt(body, 'approvals.0.scopes').join(' ')}`);
    must(Number(at(body, 'tokens.count')) > 0, 'the tokens are on the page', body);
    say(`when were tokens issued?  ${String(at(body, 'tokens.count'))}, the first at ${textAt(body, 'tokens.first')}`);
    must(Number(at(body, 'access.allowed')) > 0, 'the call that was let in is on the page', body);
    must(Number(at(body, 'access.denied')) > 0, 'the call that was refused is on the page', body);
    say(
      `what data was accessed?   ${String(at(body, 'access.allowed'))} call let in, ${String(at(body, 'access.denied'))} refused`,
    );
  },
};
