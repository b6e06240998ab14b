import type { Command } from 'commander';
import { setTimeout as delay } from 'node:timers/promises';
import type { GatehouseApi } from '../api/gatehouse-api.js';
import { Failure } from '../failure.js';
import { fieldOf } from '../output/field-of.js';
import { progressBar, ProgressLine } from '../output/progress-bar.js';
import { showOne, showPage } from '../output/show.js';
import { apiOf, optionsOf } from './context.js';

/** The contexts that serve projections; a projection's name begins with its context. */
const CONTEXTS = ['registration', 'approval', 'review', 'audit'];
const ASK_EVERY_MS = 250;

/** `gatehouse projections …`: the tables that are derived from the log, and can be derived again. */
export function addProjections(program: Command): void {
  const projections = program.command('projections').description('tables derived from the log');

  projections
    .command('list')
    .description('all projections: how far behind the log, and their last rebuild')
    .action(async (_: object, command: Command) => {
      const api = apiOf(command);
      const pages = await Promise.all(CONTEXTS.map((context) => api.get(`/${context}/projections`)));
      const items = pages.flatMap((page) => {
        const found = fieldOf(page, 'items');
        return Array.isArray(found) ? (found as unknown[]) : [];
      });
      showPage(
        { items },
        [
          ['NAME', 'name'],
          ['VERSION', 'version'],
          ['BEHIND', 'behind'],
          ['LAST REBUILD', 'rebuild.status'],
          ['BEGUN', 'rebuild.startedAt'],
          ['EVENTS', 'rebuild.events'],
          ['PER SECOND', 'rebuild.eventsPerSecond'],
        ],
        optionsOf(command),
      );
    });

  projections
    .command('rebuild <name>')
    .description('derive a projection from the whole log again, beside the one that is read meanwhile')
    .action(async (name: string, _: object, command: Command) => {
      const [context = ''] = name.split('-', 1);
      if (!CONTEXTS.includes(context)) throw new Failure(`There is no projection ${name}: see \`projections list\`.`);
      const api = apiOf(command);
      const path = `/${context}/projections/${encodeURIComponent(name)}/rebuilds`;
      const rebuilt = await follow(api, await api.begin(path, {}));
      if (fieldOf(rebuilt, 'status') !== 'succeeded') {
        const detail = fieldOf(rebuilt, 'detail');
        const why = typeof detail === 'string' ? detail : 'its process ended';
        throw new Failure(
          `The rebuild of ${name} ${String(fieldOf(rebuilt, 'status'))}: ${why}. The live tables are as they were.`,
        );
      }
      showOne(rebuilt, optionsOf(command));
    });
}

/** Asks how far a rebuild is until it has ended; draws a bar on standard error where that is a terminal. */
async function follow(api: GatehouseApi, location: string): Promise<unknown> {
  const line = new ProgressLine(process.stderr);
  for (;;) {
    const rebuild = await api.get(location);
    line.show(barOf(rebuild));
    if (fieldOf(rebuild, 'status') !== 'running') {
      line.end();
      return rebuild;
    }
    await delay(ASK_EVERY_MS);
  }
}

function barOf(rebuild: unknown): string {
  const number = (path: string): number => Number(fieldOf(rebuild, path) ?? 0);
  const of = number('offsets.of');
  const share = of === 0 ? 0 : number('offsets.done') / of;
  const words = `${number('events').toLocaleString('en')} events, ${number('eventsPerSecond').toLocaleString('en')} a second`;
  const status = String(fieldOf(rebuild, 'status'));
  const stage = status === 'running' ? String(fieldOf(rebuild, 'stage')) : status;
  return progressBar(status === 'succeeded' ? 1 : share, `${words}, ${stage}`);
}
