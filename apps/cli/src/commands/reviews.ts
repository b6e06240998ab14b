import type { Command } from 'commander';
import { showOne, showPage } from '../output/show.js';
import { apiOf, collect, optionsOf, paged, type PageOptions } from './context.js';

const PATH = '/approval/reviews';

/** `gatehouse reviews …`: the queue of submissions, and the decision. */
export function addReviews(program: Command): void {
  const reviews = program.command('reviews').description('the queue of submissions, and the decision');

  paged(reviews.command('list'))
    .description('reviews, the soonest due first')
    .option('--application <id>', 'only those of this application')
    .option('--status <status>', 'pending, approved, rejected or changes-requested')
    .action(async (_: object, command: Command) => {
      const { application, status, limit, cursor } = optionsOf<PageOptions & { application?: string; status?: string }>(
        command,
      );
      showPage(
        await apiOf(command).get(PATH, { applicationId: application, status, limit, cursor }),
        [
          ['ID', 'id'],
          ['APPLICATION', 'applicationId'],
          ['STATUS', 'status'],
          ['DUE', 'dueAt'],
          ['REQUESTED', 'requestedScopes'],
        ],
        optionsOf(command),
      );
    });

  reviews
    .command('approve <id>')
    .description('approve, for what was asked or for less')
    .requiredOption('--reason <text>', 'why; it is kept')
    .option('--scope <scope>', 'approve only this scope; may be repeated', collect)
    .option('--expires <time>', 'until when, RFC 3339')
    .option('--condition <text>', 'a condition; may be repeated', collect)
    .action(async (id: string, options: ApproveOptions, command: Command) => {
      const { reason, scope, expires, condition } = options;
      const body = {
        decision: 'approve',
        reason,
        ...(scope === undefined ? {} : { scopes: scope }),
        ...(expires === undefined ? {} : { expiresAt: expires }),
        ...(condition === undefined ? {} : { conditions: condition }),
      };
      showOne(await apiOf(command).post(`${PATH}/${encodeURIComponent(id)}/decisions`, body), optionsOf(command));
    });

  reviews
    .command('reject <id>')
    .description('reject')
    .requiredOption('--reason <text>', 'why; it is kept')
    .action(async (id: string, { reason }: { reason: string }, command: Command) => {
      const body = { decision: 'reject', reason };
      showOne(await apiOf(command).post(`${PATH}/${encodeURIComponent(id)}/decisions`, body), optionsOf(command));
    });
}

interface ApproveOptions {
  readonly reason: string;
  readonly scope?: readonly string[];
  readonly expires?: string;
  readonly condition?: readonly string[];
}
