import { must, until } from '../checks.js';
import { textAt } from '../json.js';
import type { Stage, Walk } from '../walk.js';
import { APPROVED, ASKED } from '../what-is-asked.js';

export const earnToken: Stage = {
  title: 'The application gets a token, bound to that approval',
  async run(walk) {
    const scopes = await nextToken(walk);
    must(!scopes.includes('system/Condition.rs'), 'the token holds nothing that was not approved', scopes);
    walk.say(`asked for ${ASKED.join(' ')}`);
    walk.say(`got ${scopes.join(' ')}, by a signed assertion (ES384) and no secret`);
  },
};

/** Asks until the token endpoint knows that access is open; keeps the token, and tells what it may. */
export async function nextToken(walk: Walk): Promise<readonly string[]> {
  const { body } = await until(
    'the token endpoint learns that access is open',
    () => walk.program.askForToken(walk.clientId, ASKED),
    ({ status }) => status === 200,
  );
  walk.token = textAt(body, 'access_token');
  const scopes = textAt(body, 'scope').split(' ');
  must(scopes.toSorted().join(' ') === APPROVED.toSorted().join(' '), 'asked ∩ approved is what it gets', scopes);
  return scopes;
}
