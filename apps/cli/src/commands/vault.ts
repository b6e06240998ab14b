import { type Command, Option } from 'commander';
import { showOne } from '../output/show.js';
import { apiOf, optionsOf } from './context.js';
import { runBeside } from './program-beside.js';

/** As the API has them (GDPR, Article 17(1)). */
const REASONS = ['requested', 'consent-withdrawn', 'no-longer-needed', 'unlawful', 'legal-obligation'];

/** `gatehouse vault …`: personal data, and the keys that it is sealed under. */
export function addVault(program: Command): void {
  const vault = program
    .command('vault')
    .description('personal data; but for erase, beside DATABASE_URL and VAULT_KEY, as the services have them');

  vault
    .command('backup <file>')
    .description('write the vault to one sealed file, beside running services')
    .action((file: string, _: object, command: Command) =>
      runBeside('keep-vault', ['backup', ...jsonFlag(command), '--', file]),
    );

  vault
    .command('restore <file>')
    .description('put a backup in the place of the vault, while no service runs')
    .option('--replace', 'destroy the vault that is there')
    .action((file: string, { replace }: { replace?: boolean }, command: Command) => {
      const flags = replace === true ? ['--replace'] : [];
      return runBeside('keep-vault', ['restore', ...flags, ...jsonFlag(command), '--', file]);
    });

  vault
    .command('rotate')
    .description('wrap all keys under the current wrapping key, the first of VAULT_KEY; may be ended and begun again')
    .action((_: object, command: Command) => runBeside('keep-vault', ['rotate', ...jsonFlag(command)]));

  vault
    .command('erase <subject>')
    .description('have everything destroyed that is known of a person or a patient, by their id in records; for ever')
    .addOption(new Option('--reason <reason>', 'why; it is kept').choices(REASONS).makeOptionMandatory())
    .action(async (subject: string, { reason }: { reason: string }, command: Command) => {
      const path = `/oauth/users/${encodeURIComponent(subject)}/erasure`;
      showOne(await apiOf(command).post(path, { reason }), optionsOf(command));
    });
}

function jsonFlag(command: Command): readonly string[] {
  return optionsOf(command).json === true ? ['--json'] : [];
}
