import { must } from '../checks.js';
import { textAt } from '../json.js';
import type { Stage } from '../walk.js';
import { ASKED, WITHIN } from '../what-is-asked.js';
import { readReceipt } from './receipt.js';

export const revoke: Stage = {
  title: 'It is revoked, with a receipt',
  async run({ applicationId, clientId, developer, operator, program, say, token }) {
    const path = `/registration/applications/${applicationId}`;
    const revoked = await operator.post(`${path}/revocation`, { reason: 'The night ward has moved.' });
    const called = await program.fhir(WITHIN, token);
    must(called.status === 401, 'from the receipt on the gateway refuses it', called);
    readReceipt(revoked.body, applicationId, say);
    say(`GET /fhir/${WITHIN}: 401`);
    const refused = await program.askForToken(clientId, ASKED);
    must(refused.status === 401, 'and the token endpoint too', refused);
    say('POST /oauth/token: 401 invalid_client');

    await operator.post(`${path}/reinstatement`, { reason: 'Changed our mind.' }, 409);
    const { body } = await developer.get(path, [revoked.position]);
    must(textAt(body, 'status') === 'revoked', 'the developer sees it', body);
    say('revoked is final: reinstating is refused, 409');
  },
};
