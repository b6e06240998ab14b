import { approvalPart } from '../../../approval/src/approval.part.js';
import { auditPart } from '../../../audit/src/audit.part.js';
import { gateway } from '../../../gateway/src/gateway.part.js';
import { registrationPart } from '../../../registration/src/registration.part.js';
import { reviewPart } from '../../../review/src/review.part.js';
import { tokenPart } from '../../../token/src/token.part.js';
import { configurationPage } from './configuration-page.js';

/** `npm run configuration` writes what this prints to docs/configuration.md. */
process.stdout.write(configurationPage([registrationPart, approvalPart, tokenPart, gateway, reviewPart, auditPart]));
