import { type ServicePart, startService } from '#host';
import { approvalPart } from '../../approval/src/approval.part.js';
import { auditPart } from '../../audit/src/audit.part.js';
import { gateway } from '../../gateway/src/gateway.part.js';
import { registrationPart } from '../../registration/src/registration.part.js';
import { reviewPart } from '../../review/src/review.part.js';
import { tokenPart } from '../../token/src/token.part.js';
import { announcement } from './announcement.js';

/** The one process: every app on one port, for one command on a laptop and for small sites. */
await startService(
  {
    name: 'gatehouse',
    defaultPort: 8080,
    parts: [registrationPart, approvalPart, tokenPart, gateway, reviewPart, auditPart, ...(await sandbox())],
  },
  { announce: announcement },
);

/** The sandbox knows every password: nothing of it is even loaded outside development. */
async function sandbox(): Promise<ServicePart[]> {
  if (!['1', 'true'].includes(process.env['GATEHOUSE_DEV'] ?? '')) return [];
  const { sandboxPart } = await import('../../sandbox/src/sandbox.part.js');
  return [sandboxPart];
}
