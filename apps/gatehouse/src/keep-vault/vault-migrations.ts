import { migrationsOf } from '#host';
import { approvalPart } from '../../../approval/src/approval.part.js';
import { auditPart } from '../../../audit/src/audit.part.js';
import { gateway } from '../../../gateway/src/gateway.part.js';
import { registrationPart } from '../../../registration/src/registration.part.js';
import { reviewPart } from '../../../review/src/review.part.js';
import { tokenPart } from '../../../token/src/token.part.js';

const parts = [registrationPart, approvalPart, tokenPart, gateway, reviewPart, auditPart];

/** The migrations of the vault, of whichever app. */
export const vaultMigrations = migrationsOf({ name: 'gatehouse', defaultPort: 0, parts }).vault;
