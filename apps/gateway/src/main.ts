import { startService } from '#host';
import { gateway } from './gateway.part.js';

await startService(gateway);
