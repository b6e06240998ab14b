import { startService } from '#host';
import { auditPart } from './audit.part.js';

await startService(auditPart);
