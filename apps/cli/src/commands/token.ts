import type { Command } from 'commander';
import { apiOf, optionsOf } from './context.js';

/** `gatehouse token --as EMAIL`: an access token and nothing else, for a shell's `$(...)`. */
export function addToken(program: Command): void {
  program
    .command('token')
    .description('print an access token of the development directory and nothing else; needs --as')
    .action(async (_options: object, command: Command) => {
      const { as } = optionsOf(command);
      if (as === undefined) command.error("error: required option '--as <email>' not specified");
      else console.log(await apiOf(command).developmentToken(as));
    });
}
