import { startService } from '#host';
import { approvalPart } from './approval.part.js';

await startService(approvalPart);
