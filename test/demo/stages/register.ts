import { randomUUID } from 'node:crypto';
import { must } from '../checks.js';
import { textAt } from '../json.js';
import type { Stage } from '../walk.js';
import { ASKED } from '../what-is-asked.js';

export const register: Stage = {
  title: 'A developer registers a backend application',
  async run(walk) {
    const { developer, program, say } = walk;
    const json = {
      name: `Night Ward Charts ${randomUUID().slice(0, 8)}`,
      description: 'Draws the charts that the night ward looks at.',
      kind: 'backend',
      clientType: 'confidential-asymmetric',
      scopes: ASKED,
      purposesOfUse: [{ code: 'TREAT', justification: 'Nurses look at the course of vital signs at night.' }],
      jwks: { keys: [program.publicKey] },
      submit: true,
    };
    const headers = { 'idempotency-key': randomUUID() };
    const registered = await developer.call('/registration/applications', { json, headers }, 201);
    walk.applicationId = textAt(registered.body, 'id');
    walk.clientId = textAt(registered.body, 'clientId');
    must(textAt(registered.body, 'status') === 'submitted', 'it is submitted for review', registered.body);
    say(`registered and submitted: ${walk.applicationId}, asking for ${ASKED.join(' ')}`);
    must(registered.position !== undefined, 'its answer says where it stands in the log');
    walk.submitted = registered.position;
    say(`it stands in the log at ${walk.submitted}`);

    const again = await developer.call('/registration/applications', { json, headers }, 201);
    must(textAt(again.body, 'id') === walk.applicationId, 'a retry makes no second application', again.body);
    say('the same request again, with the same Idempotency-Key: the same application, not a second one');

    const refused = await program.askForToken(walk.clientId, ASKED);
    must(refused.status === 401, 'nobody gets a token before the approval', refused);
    say('a token is asked for too early: 401 invalid_client');
  },
};
