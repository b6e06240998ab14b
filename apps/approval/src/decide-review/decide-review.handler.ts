import { approval } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { EndpointIdsConfig } from '#fhir-endpoints';
import { Database, InjectCommands, newCommand, notFound, RequestedCommand, VAULT } from '#host';
import type { Vault } from '#vault';
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { describeSubmission } from '../see-reviews/describe-submission.js';
import { StoredReview } from '../see-reviews/review.entity.js';
import type { ReviewDecision } from './decide-review.dto.js';

/** A reviewer decides; the rules stand in the decider. The result tells also what the decision is about. */
export class DecideReview extends RequestedCommand<
  ReviewDecision,
  { readonly answer: CommandAnswer; readonly submission: ReturnType<typeof describeSubmission> }
> {}

@CommandHandler(DecideReview)
export class DecideReviewHandler implements ICommandHandler<DecideReview> {
  constructor(
    private readonly database: Database,
    @InjectCommands(approval) private readonly commands: CommandPort<typeof approval>,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly fhir: EndpointIdsConfig,
  ) {}

  /**
   * The owner of now goes with the command, so that nobody decides on an application of their own; and the endpoints of
   * now, so that none is approved that is not there.
   */
  async execute({ subject: reviewId, body, request }: DecideReview) {
    const row = await this.database.read((manager) =>
      manager.findOne(StoredReview, { where: { id: reviewId }, relations: { application: true } }),
    );
    if (row === null) throw notFound();
    const { ids: served } = this.fhir;
    const people = await this.vault.lookupSubjects([row.view.ownerId]);
    const answer = await this.commands.send({
      ...newCommand(request, body),
      type: 'decide-review',
      subject: row.applicationId,
      data: {
        ...fieldsOf(body),
        reviewId,
        ...(row.application.ownerId === null ? {} : { ownerId: row.application.ownerId }),
        ...(served === undefined ? {} : { servedEndpoints: [...served] }),
      },
    });
    return { answer, submission: describeSubmission(row, people) };
  }
}

/** What a caller says as null they leave out; the log tells "absent" and nothing else. */
function fieldsOf({ decision, reason, scopes, expiresAt, conditions, endpoints, limits }: ReviewDecision) {
  const { callsPerMinute, callsPerDay, concurrentCalls } = limits ?? {};
  return {
    decision,
    reason,
    conditions: conditions ?? [],
    ...(scopes && { scopes }),
    ...(expiresAt && { expiresAt }),
    ...(endpoints && { endpoints }),
    ...(limits && {
      limits: {
        ...(callsPerMinute && { callsPerMinute }),
        ...(callsPerDay && { callsPerDay }),
        ...(concurrentCalls && { concurrentCalls }),
      },
    }),
  };
}
