import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { Failure } from '../failure.js';
import { showOne, showPage } from '../output/show.js';
import { apiOf, optionsOf, paged, type PageOptions } from './context.js';

const PATH = '/registration/applications';

/** `gatehouse applications …`: registration, and its end. */
export function addApplications(program: Command): void {
  const applications = program.command('applications').description('register, look at and close applications');

  paged(applications.command('list'))
    .description('applications that you may see')
    .option('--status <status>', 'only those with this status')
    .action(async (_: object, command: Command) => {
      const { status, limit, cursor } = optionsOf<PageOptions & { status?: string }>(command);
      showPage(
        await apiOf(command).get(PATH, { status, limit, cursor }),
        [
          ['ID', 'id'],
          ['STATUS', 'status'],
          ['KIND', 'kind'],
          ['NAME', 'name'],
          ['APPROVED', 'approvedScopes'],
        ],
        optionsOf(command),
      );
    });

  applications
    .command('show <id>')
    .description('one application as it stands now')
    .action(async (id: string, _: object, command: Command) => {
      showOne(await apiOf(command).get(`${PATH}/${encodeURIComponent(id)}`), optionsOf(command));
    });

  applications
    .command('register <file>')
    .description('register what a JSON file says (- reads standard input)')
    .option('--submit', 'and submit it for review')
    .action(async (file: string, { submit }: { submit?: boolean }, command: Command) => {
      const body = await readRegistration(file);
      showOne(await apiOf(command).post(PATH, submit === true ? { ...body, submit } : body), optionsOf(command));
    });

  applications
    .command('submit <id>')
    .description('ask for review')
    .option('--comment <text>', 'for the reviewer')
    .action(async (id: string, { comment }: { comment?: string }, command: Command) => {
      const body = comment === undefined ? {} : { comment };
      showOne(await apiOf(command).post(`${PATH}/${encodeURIComponent(id)}/submission`, body), optionsOf(command));
    });

  const closures = [
    ['suspend', 'suspension', 'close access until reinstated; prints the receipt'],
    ['reinstate', 'reinstatement', 'open suspended access again'],
    ['revoke', 'revocation', 'close access for ever; prints the receipt'],
  ] as const;
  for (const [verb, noun, description] of closures) {
    applications
      .command(`${verb} <id>`)
      .description(description)
      .requiredOption('--reason <text>', 'why; it is kept')
      .action(async (id: string, { reason }: { reason: string }, command: Command) => {
        showOne(await apiOf(command).post(`${PATH}/${encodeURIComponent(id)}/${noun}`, { reason }), optionsOf(command));
      });
  }
}

async function readRegistration(file: string): Promise<object> {
  try {
    const content: unknown = JSON.parse(file === '-' ? await text(process.stdin) : await readFile(file, 'utf8'));
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
    throw new Failure(`${file} must hold one JSON object: the body of POST ${PATH}.`);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${file} cannot be read as JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
