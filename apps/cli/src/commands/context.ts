import type { Command } from 'commander';
import { GatehouseApi } from '../api/gatehouse-api.js';

/** The options of every command. */
export interface GlobalOptions {
  readonly url: string;
  readonly json?: boolean;
  readonly as?: string;
}

/** The options of a command and those of every command. */
export function optionsOf<Options extends object = object>(command: Command): Options & GlobalOptions {
  return command.optsWithGlobals<Options & GlobalOptions>();
}

/** The API as the options and the environment name it. */
export function apiOf(command: Command): GatehouseApi {
  const { url, as } = optionsOf(command);
  return new GatehouseApi({ url, as, token: process.env['GATEHOUSE_TOKEN'] });
}

/** For `--scope`, which may be repeated. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

/** Adds how to page through a list. */
export function paged(command: Command): Command {
  return command
    .option('--limit <number>', 'how many to show, from 1 to 200')
    .option('--cursor <cursor>', 'where the page before ended');
}

export interface PageOptions {
  readonly limit?: string;
  readonly cursor?: string;
}
