import type { ServicePart } from '#host';
import { RegistrationModule } from './registration.module.js';
import { CreateApplications1763948400000 } from './show-applications/create-applications.js';

/** Applications: what they declare, their keys and secrets, their submission for review, suspension and revocation. */
export const registrationPart: ServicePart = {
  name: 'registration',
  defaultPort: 8081,
  module: RegistrationModule,
  migrations: { projection: [CreateApplications1763948400000] },
};
