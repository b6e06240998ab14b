import { startService } from '#host';
import { registrationPart } from './registration.part.js';

await startService(registrationPart);
