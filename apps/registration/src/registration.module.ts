import { erasuresTopic, registration } from '#contracts';
import {
  commandsController,
  OwnerErasures,
  provideActivity,
  provideAppender,
  provideCommands,
  projectionsController,
  provideProjection,
  provideReactor,
  provideWriter,
  SealedForCommands,
} from '#host';
import { Module } from '@nestjs/common';
import { registrationDecider } from './application.decider.js';
import { ChangeApplicationController } from './change-application/change-application.controller.js';
import { ChangeApplicationHandler } from './change-application/change-application.handler.js';
import { ChangeKeysController } from './client-credentials/change-keys.controller.js';
import { ChangeKeysHandler } from './client-credentials/change-keys.handler.js';
import { ConfirmCredentialController } from './client-credentials/confirm-credential.controller.js';
import { ConfirmCredentialHandler } from './client-credentials/confirm-credential.handler.js';
import { WithdrawSecretController } from './client-credentials/withdraw-secret.controller.js';
import { WithdrawSecretHandler } from './client-credentials/withdraw-secret.handler.js';
import { IssueSecretController } from './client-credentials/issue-secret.controller.js';
import { IssueSecretHandler } from './client-credentials/issue-secret.handler.js';
import { CloseAccessController } from './close-access/close-access.controller.js';
import { CloseAccessHandler } from './close-access/close-access.handler.js';
import { provideReceipts } from './close-access/receipts.js';
import { followApproval } from './follow-decisions/follow-approval.reactor.js';
import { followReview } from './follow-decisions/follow-review.reactor.js';
import { NobodysContacts } from './expire-unclaimed/nobodys-contacts.js';
import { UnclaimedClock } from './expire-unclaimed/unclaimed-clock.js';
import { RegisterApplicationController } from './register-application/register-application.controller.js';
import { RegisterApplicationHandler } from './register-application/register-application.handler.js';
import { NoticeSender } from './notify-contacts/notice-sender.js';
import { ApplicationPresenter } from './show-applications/application-presenter.js';
import { ApplicationsController } from './show-applications/applications.controller.js';
import { applicationsProjection } from './show-applications/applications.projection.js';
import {
  ListApplicationsHandler,
  ReadApplicationHandler,
  ReadHistoryHandler,
} from './show-applications/applications.queries.js';
import { SubmitApplicationController } from './submit-application/submit-application.controller.js';
import {
  SubmitApplicationHandler,
  WithdrawApplicationHandler,
} from './submit-application/submit-application.handler.js';
import { TransferOwnershipController } from './transfer-ownership/transfer-ownership.controller.js';
import { TransferOwnershipHandler } from './transfer-ownership/transfer-ownership.handler.js';

@Module({
  controllers: [
    RegisterApplicationController,
    ApplicationsController,
    ChangeApplicationController,
    SubmitApplicationController,
    ChangeKeysController,
    IssueSecretController,
    WithdrawSecretController,
    ConfirmCredentialController,
    TransferOwnershipController,
    CloseAccessController,
    commandsController(registration),
    projectionsController('registration', [applicationsProjection]),
  ],
  providers: [
    ...provideCommands(registration),
    ...provideWriter(registrationDecider),
    ...provideProjection(applicationsProjection),
    ...provideReactor(followApproval),
    ...provideReactor(followReview),
    ...provideAppender(erasuresTopic),
    ...provideActivity(),
    OwnerErasures,
    RegisterApplicationHandler,
    ChangeApplicationHandler,
    SubmitApplicationHandler,
    WithdrawApplicationHandler,
    ChangeKeysHandler,
    IssueSecretHandler,
    WithdrawSecretHandler,
    ConfirmCredentialHandler,
    TransferOwnershipHandler,
    CloseAccessHandler,
    ListApplicationsHandler,
    ReadApplicationHandler,
    ReadHistoryHandler,
    ApplicationPresenter,
    ...provideReceipts(),
    SealedForCommands,
    NoticeSender,
    NobodysContacts,
    UnclaimedClock,
  ],
})
export class RegistrationModule {}
