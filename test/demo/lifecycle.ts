import { approve } from './stages/approve.js';
import { callAndAudit } from './stages/call-and-audit.js';
import { certify } from './stages/certify.js';
import { earnToken } from './stages/earn-token.js';
import { register } from './stages/register.js';
import { revoke } from './stages/revoke.js';
import { suspendAndReinstate } from './stages/suspend-and-reinstate.js';
import { tellTheStory } from './stages/tell-the-story.js';
import type { Stage } from './walk.js';

/** The life of one application, in order: what `npm run demo` shows and the end-to-end test walks. */
export const lifecycle: readonly Stage[] = [
  register,
  approve,
  earnToken,
  callAndAudit,
  tellTheStory,
  certify,
  suspendAndReinstate,
  revoke,
];
