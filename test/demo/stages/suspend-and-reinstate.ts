import { must, until } from '../checks.js';
import type { Stage } from '../walk.js';
import { ASKED, WITHIN } from '../what-is-asked.js';
import { nextToken } from './earn-token.js';
import { readReceipt } from './receipt.js';

export const suspendAndReinstate: Stage = {
  title: 'An operator suspends it, and reinstates it',
  async run(walk) {
    const { applicationId, clientId, operator, program, say } = walk;
    const path = `/registration/applications/${applicationId}`;
    const sleeping = walk.token;

    const suspended = await operator.post(`${path}/suspension`, { reason: 'Calls at an unusual hour.' });
    const called = await program.fhir(WITHIN, sleeping);
    must(called.status === 401, 'from the receipt on its token is refused', called);
    readReceipt(suspended.body, applicationId, say);
    say(`GET /fhir/${WITHIN}: 401, ${called.headers.get('www-authenticate') ?? 'without a challenge'}`);
    const refused = await program.askForToken(clientId, ASKED);
    must(refused.status === 401, 'and it gets no other one', refused);
    say('POST /oauth/token: 401 invalid_client');

    await operator.post(`${path}/reinstatement`, { reason: 'The hour was right: summer time.' });
    await nextToken(walk);
    await until(
      'the gateway learns that access is open again',
      () => program.fhir(WITHIN, walk.token),
      ({ status }) => status === 200,
    );
    say('reinstated: a new token works');
    const old = await program.fhir(WITHIN, sleeping);
    must(old.status === 401, 'the token from before the suspension is dead for good', old);
    say('the old one does not: 401');
  },
};
