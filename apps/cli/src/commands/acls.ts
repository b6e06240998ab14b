import type { Command } from 'commander';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Failure } from '../failure.js';
import { optionsOf } from './context.js';

/** A program of its own: it asks the brokers, not Gatehouse, and reads KAFKA_… as the services do. */
const ACLS = fileURLToPath(new URL('../../../gatehouse/src/log-acls/main.js', import.meta.url));

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
      const child = spawn(process.execPath, [ACLS, ...flags], { stdio: 'inherit' });
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code === null) throw new Failure('It was ended before it was done.');
      process.exitCode = code;
    });
}
