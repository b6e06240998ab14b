import { type CampaignItem, isId, mintId, partitionOfCreation, review } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { type CommandRequest, InjectCommands, newCommand, refused } from '#host';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { OpenAccess } from '../know-access/open-access.js';
import type { IncludedAccess, NewCampaign } from './open-campaign.dto.js';

/** What one command can carry: so many items, and so much of the 8 MiB that a record of commands may have. */
const MOST_ITEMS = 5_000;
const MOST_BYTES = 8_000_000;

/** Opens a certification campaign over the access that is open now. */
export class OpenCampaign extends Command<CommandAnswer> {
  constructor(
    readonly body: NewCampaign,
    readonly request: CommandRequest,
  ) {
    super();
  }
}

@CommandHandler(OpenCampaign)
export class OpenCampaignHandler implements ICommandHandler<OpenCampaign> {
  constructor(
    @InjectCommands(review) private readonly commands: CommandPort<typeof review>,
    private readonly access: OpenAccess,
  ) {}

  /** A population that one command cannot carry is refused, 422. */
  async execute({ body, request }: OpenCampaign): Promise<CommandAnswer> {
    const subject = mintId(partitionOfCreation(request.caller.id, request.idempotencyKey));
    const include = includeIn(body.include);
    const items = await this.access.itemsFor(subject, include, MOST_ITEMS + 1);
    if (items.length > MOST_ITEMS || bytesOf(items) > MOST_BYTES) throw tooLarge();
    const { name, dueAt, onSilence } = body;
    return this.commands.send({
      ...newCommand(request, body),
      type: 'open-campaign',
      subject,
      data: { name, dueAt, include, onSilence, items: [...items] },
    });
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
function includeIn({ kinds, applicationIds }: IncludedAccess = {}) {
  return {
    ...(kinds === undefined ? {} : { kinds }),
    ...(applicationIds === undefined
      ? {}
      : { applicationIds: applicationIds.map((id) => id.toLowerCase()).filter(isId) }),
  };
}
