import {
  Inject,
  type FactoryProvider,
  type InjectionToken,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { ContextContract, Decider, Position, TopicSpec } from '#contracts';
import {
  ActivityAppender,
  CommandSender,
  ContextWriter,
  ProjectionRunner,
  Reactor,
  SharedReadings,
  TopicAppender,
  type ActivityPort,
  type CommandPort,
  type LogSettings,
  type ProjectionDefinition,
  type ReactorDefinition,
  type RecordSource,
  type Snapshots,
  type TopicAppendPort,
} from '#event-log';
import { Database } from '../database/database.js';
import { type Begins, HealthRegistry } from '../health/health-registry.js';
import { unavailable } from '../problem/problem-exception.js';
import { projectionStore } from '../projections/projection-store.js';
import { FatalErrors } from '../service/fatal-errors.js';
import { LOG_SETTINGS, LogStartup } from './log-startup.js';
import { Reactions } from './reactions.js';
import { SNAPSHOTS } from './snapshots/snapshots-provider.js';

interface Startable {
  start(): Promise<void> | void;
  close(): Promise<void>;
}

/**
 * Ties a part of libs/event-log to the process: started in the background when the topics are there, in readiness
 * until it has caught up, closed when the process drains. What fails for good ends the process. What takes work over from
 * other instances begins last: they go on with it until this one can.
 */
class Tied implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private started = false;
  private stopping = false;

  constructor(
    private readonly name: string,
    private readonly part: Startable,
    private readonly startup: LogStartup,
    private readonly health: HealthRegistry,
    private readonly fatal: FatalErrors,
    private readonly begins: Begins,
  ) {}

  onModuleInit(): void {
    const missing = this.begins === 'last' ? 'begins when all else is ready' : 'has not caught up with the log';
    this.health.register(
      this.name,
      () => {
        if (!this.started) throw new Error(missing);
      },
      this.begins,
    );
    if (this.begins === 'at once') void this.start();
  }

  onApplicationBootstrap(): void {
    if (this.begins === 'last') void this.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await this.part.close();
  }

  private async start(): Promise<void> {
    try {
      await this.startup.ready();
      if (this.begins === 'last' && !(await this.health.untilRestReady())) return;
      if (this.stopping) return;
      await this.part.start();
      this.started = true;
    } catch (error) {
      if (!this.stopping && !this.startup.stopped) this.fatal.report(`${this.name} could not start`, error);
    }
  }
}

const shared = [LOG_SETTINGS, LogStartup, HealthRegistry, FatalErrors] as const;

/** Makes two providers: the part itself under `token`, and its tie to the process. */
export function provideLogPart<P extends Startable>(
  token: string,
  name: string,
  others: readonly InjectionToken[],
  create: (settings: LogSettings, fail: (error: unknown) => void, ...rest: never[]) => P,
  begins: Begins = 'at once',
): FactoryProvider[] {
  return [
    {
      provide: token,
      inject: [LOG_SETTINGS, FatalErrors, ...others],
      useFactory: (settings: LogSettings, fatal: FatalErrors, ...rest: never[]) =>
        create(settings, (error) => fatal.report(`${name} failed`, error), ...rest),
    },
    {
      provide: `${token}:tied`,
      inject: [token, ...shared.slice(1)],
      useFactory: (part: P, startup: LogStartup, health: HealthRegistry, fatal: FatalErrors) =>
        new Tied(name, part, startup, health, fatal, begins),
    },
  ];
}

const commandsToken = (contract: ContextContract): string => `gatehouse:commands:${contract.context}`;
/** Under which a projection is injected. */
export const projectionToken = (name: string): string => `gatehouse:projection:${name}`;
/** Under which the activity topic is injected. */
export const ACTIVITY = 'gatehouse:activity';

/** The commands of a context: inject them with `@InjectCommands(contract)` as `CommandPort<typeof contract>`. */
export function provideCommands<C extends ContextContract>(contract: C): FactoryProvider[] {
  return provideLogPart(
    commandsToken(contract),
    `${contract.context} outcomes`,
    [],
    (settings, fail) => new CommandSender(settings, contract, fail),
  );
}

export const InjectCommands = (contract: ContextContract): ParameterDecorator => Inject(commandsToken(contract));

/** The context's writers on this instance: one for each partition that the group gives it. */
export function provideWriter<C extends ContextContract, S>(decider: Decider<C, S>): FactoryProvider[] {
  const { context } = decider.contract;
  return provideLogPart(
    `gatehouse:writer:${context}`,
    `${context} writer`,
    [SNAPSHOTS],
    (settings, fail, snapshots: Snapshots) => {
      const refused = new ActivityAppender(settings);
      const writer = new ContextWriter(settings, decider, fail, snapshots, refused);
      return {
        start: () => writer.start(),
        async close() {
          await writer.close();
          await refused.close();
        },
      };
    },
    'last',
  );
}

/** Carries news from one context to another; the same module also provides the target's commands. */
export function provideReactor<S extends ContextContract, T extends ContextContract>(
  definition: ReactorDefinition<S, T>,
): FactoryProvider[] {
  return provideLogPart(
    `gatehouse:reactor:${definition.name}`,
    definition.name,
    [commandsToken(definition.target), Reactions],
    (settings, fail, commands: CommandPort<T>, reactions: Reactions) => {
      const reactor = new Reactor(settings, definition, commands, fail);
      reactions.register(reactor);
      return reactor;
    },
    'last',
  );
}

/** Appends to the activity topic: inject it with `@InjectActivity()` as `ActivityPort`. */
export function provideActivity(): FactoryProvider[] {
  return provideLogPart(ACTIVITY, 'activity', [], (settings): ActivityPort & Startable => {
    const appender = new ActivityAppender(settings);
    return {
      start: () => undefined,
      close: () => appender.close(),
      append: (record, meta) => appender.append(record, meta),
    };
  });
}

export const InjectActivity = (): ParameterDecorator => Inject(ACTIVITY);

const appenderToken = ({ name }: Pick<TopicSpec, 'name'>): string => `gatehouse:append:${name}`;

/** Appends to a topic that is derived from the log: inject it with `@InjectAppender(topic)` as `TopicAppendPort`. */
export function provideAppender(topic: TopicSpec): FactoryProvider[] {
  return provideLogPart(appenderToken(topic), topic.name, [], (settings): TopicAppendPort & Startable => {
    const appender = new TopicAppender(settings, topic);
    return {
      start: () => undefined,
      close: () => appender.close(),
      append: (partition, record) => appender.append(partition, record),
    };
  });
}

export const InjectAppender = (topic: Pick<TopicSpec, 'name'>): ParameterDecorator => Inject(appenderToken(topic));

/** How a query waits for what its caller has seen. */
export interface ProjectionReadiness {
  /**
   * Resolves when the projection holds everything up to these positions; of another context's, once the reactors between
   * have passed them, what they caused in its own.
   *
   * @throws ProblemException 503 with `Retry-After` when it does not within 2 s
   */
  reached(positions: readonly Position[]): Promise<void>;
  /** Resolves when it has caught up with the log for the first time in this process; never, when the process stops before. */
  caughtUp(): Promise<void>;
}

const REACHED_WITHIN_MS = 2_000;

/** A projection, run by this instance; inject it with `@InjectProjection(definition)` as `ProjectionReadiness`. */
export function provideProjection<S extends RecordSource<unknown>>(
  definition: ProjectionDefinition<S>,
): FactoryProvider[] {
  return provideLogPart(
    projectionToken(definition.name),
    definition.name,
    [Database, Reactions, SharedReadings],
    (
      settings,
      fail,
      database: Database,
      reactions: Reactions,
      readings: SharedReadings,
    ): ProjectionReadiness & Startable => {
      const runner = new ProjectionRunner(settings, definition, projectionStore(database), fail, readings);
      // A projection's name begins with its context.
      const ownEvents = definition.sources.find(
        ({ topic }) => topic === `gatehouse.${definition.name.split('-', 1)[0] ?? ''}.events`,
      )?.topic;
      const caughtUp = Promise.withResolvers<void>();
      return {
        async start() {
          await runner.start();
          caughtUp.resolve();
        },
        close: () => runner.close(),
        caughtUp: () => caughtUp.promise,
        async reached(positions) {
          if (positions.length === 0) return;
          const giveUp = AbortSignal.timeout(REACHED_WITHIN_MS);
          const until = performance.now() + REACHED_WITHIN_MS;
          const caused = ownEvents === undefined ? [] : await causedBy(reactions, positions, ownEvents, giveUp);
          const left = Math.max(1, until - performance.now());
          if (caused === undefined || !(await runner.reached([...positions, ...caused], left)))
            throw unavailable(`${definition.name} has not reached that position yet.`, 1);
        },
      };
    },
  );
}

async function causedBy(reactions: Reactions, ...asked: Parameters<Reactions['causedBy']>) {
  try {
    return await reactions.causedBy(...asked);
  } catch (error) {
    throw unavailable('The log cannot be asked how far it is.', 2, error);
  }
}

export const InjectProjection = (definition: { readonly name: string }): ParameterDecorator =>
  Inject(projectionToken(definition.name));
