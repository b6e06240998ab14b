import type { ApprovalEvent, Recorded, RegistrationEvent, ReviewEvent, TokenEvent } from '#contracts';
import type { ActivityEntry } from '#contracts';

/** Everything that becomes an audit record: what was decided in any context, and what happened at high volume. */
export type Audited =
  Recorded<RegistrationEvent> | Recorded<ApprovalEvent> | Recorded<TokenEvent> | Recorded<ReviewEvent> | ActivityEntry;
