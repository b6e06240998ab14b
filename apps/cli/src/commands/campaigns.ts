import { type Command, Option } from 'commander';
import { showOne, showPage } from '../output/show.js';
import { apiOf, collect, optionsOf, paged, type PageOptions } from './context.js';

const PATH = '/review/campaigns';

interface OpenOptions {
  readonly due: string;
  readonly kind?: readonly string[];
  readonly application?: readonly string[];
  readonly onSilence?: string;
}

interface DecideOptions {
  readonly decision: string;
  readonly reason: string;
  readonly scope?: readonly string[];
}

/** `gatehouse campaigns …`: the periodic review of access. A scheduled job is one such line. */
export function addCampaigns(program: Command): void {
  const campaigns = program.command('campaigns').description('the periodic review: which access is still needed');

  campaigns
    .command('open <name>')
    .description('open a campaign over all open access, or over some')
    .requiredOption('--due <time>', 'until when to decide, RFC 3339')
    .option('--kind <kind>', 'only applications of this kind; may be repeated', collect)
    .option('--application <id>', 'only this application; may be repeated', collect)
    .addOption(new Option('--on-silence <what>', 'what happens to what nobody decides').choices(['keep', 'revoke']))
    .action(async (name: string, { due, kind, application, onSilence }: OpenOptions, command: Command) => {
      const include = {
        ...(kind === undefined ? {} : { kinds: kind }),
        ...(application === undefined ? {} : { applicationIds: application }),
      };
      const body = {
        name,
        dueAt: due,
        ...(Object.keys(include).length === 0 ? {} : { include }),
        ...(onSilence === undefined ? {} : { onSilence }),
      };
      showOne(await apiOf(command).post(PATH, body), optionsOf(command));
    });

  campaigns
    .command('remind <id>')
    .description('remind the reviewers of what is undecided')
    .action(async (id: string, _: object, command: Command) => {
      showOne(await apiOf(command).post(`${PATH}/${encodeURIComponent(id)}/reminders`, {}), optionsOf(command));
    });

  campaigns
    .command('close <id>')
    .description('close a campaign')
    .requiredOption('--reason <text>', 'why; it is kept')
    .action(async (id: string, { reason }: { reason: string }, command: Command) => {
      showOne(await apiOf(command).post(`${PATH}/${encodeURIComponent(id)}/closure`, { reason }), optionsOf(command));
    });

  campaigns
    .command('evidence <id>')
    .description('what a campaign was asked, what it found and what was decided')
    .action(async (id: string, _: object, command: Command) => {
      showOne(await apiOf(command).get(`${PATH}/${encodeURIComponent(id)}/evidence`), optionsOf(command));
    });

  paged(campaigns.command('items <id>'))
    .description('the access that a campaign asks about')
    .action(async (id: string, _: object, command: Command) => {
      const { limit, cursor } = optionsOf<PageOptions>(command);
      showPage(
        await apiOf(command).get(`${PATH}/${encodeURIComponent(id)}/items`, { limit, cursor }),
        [
          ['ITEM', 'id'],
          ['APPLICATION', 'applicationId'],
          ['SCOPES', 'scopes'],
          ['LAST USED', 'evidence.lastUsedAt'],
          ['RECOMMENDED', 'recommendation'],
          ['DECIDED', 'decision.decision'],
        ],
        optionsOf(command),
      );
    });

  campaigns
    .command('decide <item>')
    .description('keep, narrow or revoke an access')
    .addOption(
      new Option('--decision <decision>', 'what to do').choices(['keep', 'narrow', 'revoke']).makeOptionMandatory(),
    )
    .requiredOption('--reason <text>', 'why; it is kept')
    .option('--scope <scope>', 'when narrowing: what stays; may be repeated', collect)
    .action(async (item: string, { decision, reason, scope }: DecideOptions, command: Command) => {
      const body = { decision, reason, ...(scope === undefined ? {} : { scopes: scope }) };
      showOne(
        await apiOf(command).post(`/review/items/${encodeURIComponent(item)}/decisions`, body),
        optionsOf(command),
      );
    });
}
