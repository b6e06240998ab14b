import type { Command } from 'commander';
import { showOne, showPage } from '../output/show.js';
import { addVerify } from './audit-verify.js';
import { apiOf, optionsOf, paged, type PageOptions } from './context.js';

interface SearchOptions extends PageOptions {
  readonly application?: string;
  readonly client?: string;
  readonly user?: string;
  readonly patient?: string;
  readonly resource?: string;
  readonly correlation?: string;
  readonly type?: string;
  readonly outcome?: string;
  readonly observed?: string;
  readonly from?: string;
  readonly to?: string;
}

/** `gatehouse audit …`: what happened, and an application's whole life on one page. */
export function addAudit(program: Command): void {
  const audit = program.command('audit').description('what happened');

  paged(audit.command('search'))
    .description('audit records, the newest first')
    .option('--application <id>', 'of this application')
    .option('--client <id>', 'of this client')
    .option('--user <id>', 'of this user')
    .option('--patient <id>', 'about this patient')
    .option('--resource <resource>', 'of this type, or this Type/id')
    .option('--correlation <id>', 'of the request with this correlation id')
    .option('--type <type>', 'of this type, for example access-denied')
    .option('--outcome <outcome>', 'with this outcome, for example denied')
    .option('--observed <what>', 'calls in observe mode that would have been allowed, denied or filtered')
    .option('--from <time>', 'not before, RFC 3339')
    .option('--to <time>', 'before, RFC 3339')
    .action(async (_: object, command: Command) => {
      const { application, client, user, correlation, ...same } = optionsOf<SearchOptions>(command);
      const { patient, resource, type, outcome, observed, from, to, limit, cursor } = same;
      showPage(
        await apiOf(command).get('/audit/records', {
          applicationId: application,
          clientId: client,
          userId: user,
          correlationId: correlation,
          patient,
          resource,
          type,
          outcome,
          observed,
          from,
          to,
          limit,
          cursor,
        }),
        [
          ['TIME', 'time'],
          ['TYPE', 'type'],
          ['OUTCOME', 'outcome'],
          ['APPLICATION', 'applicationId'],
          ['INTERACTION', 'interaction'],
          ['RESOURCE', 'resource'],
          ['STATUS', 'status'],
        ],
        optionsOf(command),
      );
    });

  audit
    .command('timeline <application>')
    .description('who registered it, what was asked, who approved what, which tokens, which data')
    .action(async (application: string, _: object, command: Command) => {
      const path = `/audit/applications/${encodeURIComponent(application)}/timeline`;
      showOne(await apiOf(command).get(path), optionsOf(command));
    });

  addVerify(audit);
}
