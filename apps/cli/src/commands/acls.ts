import type { Command } from 'commander';
import { optionsOf } from './context.js';
import { runBeside } from './program-beside.js';

interface AclOptions {
  readonly apply?: boolean;
  readonly oneProcess?: boolean;
}

/** `gatehouse log acls`: who may write to the log, and read it. */
export function addAcls(log: Command): void {
  log
    .command('acls')
    .description('the ACLs that each service needs; with KAFKA_BROKERS set, how the brokers’ differ from them')
    .option('--apply', 'add what is missing, and take away what lets others write')
    .option('--one-process', 'all services are one principal, as in the one process')
    .action(async (_: object, command: Command) => {
      const { apply, oneProcess, json } = optionsOf<AclOptions>(command);
      const flags = [
        ...(apply === true ? ['--apply'] : []),
        ...(oneProcess === true ? ['--one-process'] : []),
        ...(json === true ? ['--json'] : []),
      ];
      // It asks the brokers, not Gatehouse.
      await runBeside('log-acls', flags);
    });
}
