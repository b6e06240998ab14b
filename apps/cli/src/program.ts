import { Command, Option } from 'commander';
import { addApplications } from './commands/applications.js';
import { addAudit } from './commands/audit.js';
import { addCampaigns } from './commands/campaigns.js';
import { addLog } from './commands/log.js';
import { addLogin } from './commands/login.js';
import { addProjections } from './commands/projections.js';
import { addReviews } from './commands/reviews.js';
import { addToken } from './commands/token.js';
import { addVault } from './commands/vault.js';

/** `gatehouse <noun> <verb>`. It throws where commander would end the process: a `CommanderError`. */
export function createProgram(): Command {
  const program = new Command('gatehouse')
    .description('The access lifecycle of third-party applications at a FHIR API.')
    .addOption(
      new Option('--url <url>', 'where Gatehouse answers').env('GATEHOUSE_URL').default('http://127.0.0.1:8080'),
    )
    .option(
      '--as <email>',
      'in development: act as this person of the sandbox; else GATEHOUSE_TOKEN, else `login` is used',
    )
    .option('--json', 'print JSON, for pipes')
    .showHelpAfterError('(add --help to see what there is)')
    .addHelpText('after', '\nExit code: 0 done, 1 failed, 2 not understood.');
  addLogin(program);
  addToken(program);
  addApplications(program);
  addReviews(program);
  addCampaigns(program);
  addAudit(program);
  addProjections(program);
  addLog(program);
  addVault(program);
  throwInsteadOfExit(program);
  return program;
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(throwInsteadOfExit);
}
