import type { ServicePart } from '#host';
import { UnclaimedConfig } from './expire-unclaimed/unclaimed.config.js';
import { CreateNoticeDeliveries1763948400003 } from './notify-contacts/create-notice-deliveries.js';
import { CreateNotices1763948400002 } from './notify-contacts/create-notices.js';
import { NameNoticesToNobody1764284400006 } from './notify-contacts/name-notices-to-nobody.js';
import { NoticeConfig } from './notify-contacts/notice.config.js';
import { RegistrationModule } from './registration.module.js';
import { StoredApplication, StoredEvent } from './show-applications/application.entity.js';
import { CreateApplications1763948400000 } from './show-applications/create-applications.js';

/** Applications: what they declare, their keys and secrets, their submission for review, suspension and revocation. */
export const registrationPart: ServicePart = {
  name: 'registration',
  defaultPort: 8081,
  module: RegistrationModule,
  entities: [StoredApplication, StoredEvent],
  config: [NoticeConfig, UnclaimedConfig],
  migrations: {
    projection: [CreateApplications1763948400000, CreateNotices1763948400002],
    protocol: [CreateNoticeDeliveries1763948400003, NameNoticesToNobody1764284400006],
  },
};
