import { startService } from '#host';
import { sandboxPart } from './sandbox.part.js';

await startService(sandboxPart);
