import type { Command } from 'commander';
import { optionsOf } from './context.js';
import { runBeside } from './program-beside.js';

/** `gatehouse vault …`: personal data, and the keys that it is sealed under. */
export function addVault(program: Command): void {
  const vault = program
    .command('vault')
    .description('personal data; but for erase, beside DATABASE_URL and VAULT_KEY, as the services have them');

  vault
    .command('rotate')
    .description('wrap all keys under the current wrapping key, the first of VAULT_KEY; may be ended and begun again')
    .action((_: object, command: Command) => runBeside('keep-vault', ['rotate', ...jsonFlag(command)]));
}

function jsonFlag(command: Command): readonly string[] {
  return optionsOf(command).json === true ? ['--json'] : [];
}
