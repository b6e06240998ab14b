import type { FactoryProvider } from '@nestjs/common';
import type { TopicSpec } from '#contracts';
import {
  type Entry,
  type EventIn,
  ProjectionRunner,
  type RecordSource,
  SharedReadings,
  TopicAppender,
} from '#event-log';
import { Database } from '../database/database.js';
import { projectionStore } from '../projections/projection-store.js';
import { type ProjectionReadiness, projectionToken, provideLogPart } from './log-providers.js';

/** Readers outside get records this much later, in milliseconds, and those that came meanwhile cost as much as one. */
const REST_MS = 1_000;

/** A topic that is derived from others, record by record, for readers outside. */
export interface FeedDefinition<S extends RecordSource<unknown> = RecordSource<unknown>> {
  /** Begins with the context that writes it. */
  readonly name: string;
  readonly sources: readonly S[];
  readonly to: TopicSpec;
  /** A projection of the same process that goes first: what was lost with Postgres is there again before the feed is written again. */
  readonly after: { readonly name: string };
  /** What a record becomes. Pure: a repeat must be the same. */
  readonly derive: (entry: Entry<EventIn<S>>) => {
    readonly partition: number;
    readonly key: string;
    readonly value: string;
  };
}

export function defineFeed<const S extends RecordSource<unknown>>(definition: FeedDefinition<S>): FeedDefinition<S> {
  return definition;
}

/**
 * Writes a feed: at least once, in the order of each partition, by one instance at a time. How far it is stands beside the
 * projections' checkpoints and moves when the brokers have acknowledged; who drops it has all of it written again, each
 * record with the id and number that it had.
 */
export function provideFeed<S extends RecordSource<unknown>>(definition: FeedDefinition<S>): FactoryProvider[] {
  const { name, sources, to, after, derive } = definition;
  const others = [Database, projectionToken(after.name), SharedReadings];
  return provideLogPart(
    `gatehouse:feed:${name}`,
    name,
    others,
    (settings, fail, database: Database, first: ProjectionReadiness, readings: SharedReadings) => {
      const appender = new TopicAppender(settings, to);
      const apply = async (entries: readonly Entry<EventIn<S>>[]) => {
        await Promise.all(
          entries.map((entry) => {
            const { partition, key, value } = derive(entry);
            return appender.append(partition, { key, value });
          }),
        );
      };
      const runner = new ProjectionRunner(
        settings,
        { name, version: 1, tables: [], sources, restMs: REST_MS, apply },
        projectionStore(database),
        fail,
        readings,
      );
      const stopping = new AbortController();
      return {
        // Nobody waits for a feed: a process is ready while it writes again what somebody dropped.
        start: () =>
          void first
            .caughtUp()
            .then(() => (stopping.signal.aborted ? undefined : runner.start()))
            .catch((error: unknown) => {
              if (!stopping.signal.aborted) fail(error);
            }),
        async close() {
          stopping.abort();
          await runner.close();
          await appender.close();
        },
      };
    },
  );
}
