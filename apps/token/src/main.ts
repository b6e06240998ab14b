import { startService } from '#host';
import { tokenPart } from './token.part.js';

await startService(tokenPart);
