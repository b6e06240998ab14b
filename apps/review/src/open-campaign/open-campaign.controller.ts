import { type CampaignItem, isId, mintId, partitionOfCreation, review } from '#contracts';
import type { CommandPort } from '#event-log';
import {
  answerCommand,
  CommandContext,
  type CommandRequest,
  Creates,
  InjectCommands,
  newCommand,
  refused,
  Roles,
} from '#host';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { OpenAccess } from '../know-access/open-access.js';
import { campaignSchema } from '../see-campaigns/campaign-dto.js';
import { ShownInTime } from '../see-campaigns/shown-in-time.js';
import { IncludeAccess, OpenCampaign } from './open-campaign.dto.js';

/** What one command can carry: so many items, and so much of the 8 MiB that a record of commands may have. */
const MOST_ITEMS = 5_000;
const MOST_BYTES = 8_000_000;

/** Opens a certification campaign over the access that is open now. */
@Controller('review/campaigns')
@ApiTags('review')
export class OpenCampaignController {
  constructor(
    @InjectCommands(review) private readonly commands: CommandPort<typeof review>,
    private readonly access: OpenAccess,
    private readonly shown: ShownInTime,
  ) {}

  /** The campaign's items exist when this answers 201. A population that one command cannot carry is refused, 422. */
  @Post()
  @Roles('reviewer', 'operator')
  @Creates(campaignSchema)
  async open(@Body() body: OpenCampaign, @CommandContext() request: CommandRequest) {
    const subject = mintId(partitionOfCreation(request.caller.id, request.idempotencyKey));
    const include = includeIn(body.include);
    const items = await this.access.itemsFor(subject, include, MOST_ITEMS + 1);
    if (items.length > MOST_ITEMS || bytesOf(items) > MOST_BYTES) throw tooLarge();
    const { name, dueAt, onSilence } = body;
    const answer = await this.commands.send({
      ...newCommand(request, body),
      type: 'open-campaign',
      subject,
      data: { name, dueAt, include, onSilence, items: [...items] },
    });
    return await this.shown.orAccepted(answer, () =>
      answerCommand(answer, { context: 'review', created: (done) => `/review/campaigns/${done.subject}` }),
    );
  }
}

function bytesOf(items: readonly CampaignItem[]): number {
  return Buffer.byteLength(JSON.stringify(items));
}

function tooLarge() {
  return refused(
    'population-too-large',
    'Population too large',
    `More access is open than one campaign can ask about (${MOST_ITEMS} applications, ${MOST_BYTES} bytes). Ask by kind, or by application.`,
    [{ pointer: '/include', detail: 'must name less' }],
  );
}

/** Without what was not said, and without ids that no application can have. */
function includeIn({ kinds, applicationIds }: IncludeAccess = {}) {
  return {
    ...(kinds === undefined ? {} : { kinds }),
    ...(applicationIds === undefined
      ? {}
      : { applicationIds: applicationIds.map((id) => id.toLowerCase()).filter(isId) }),
  };
}
