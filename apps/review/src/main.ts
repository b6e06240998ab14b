import { startService } from '#host';
import { reviewPart } from './review.part.js';

await startService(reviewPart);
