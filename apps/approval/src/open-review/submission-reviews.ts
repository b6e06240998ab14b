import { approval, type registration } from '#contracts';
import { LogTail, Reactor, eventsOf, type CommandPort, type LogSettings } from '#event-log';
import { FatalErrors, HealthRegistry, InjectCommands, LOG_SETTINGS, LogStartup, Reactions } from '#host';
import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { defaultPolicy } from '../set-policy/set-policy.decider.js';
import { reviewSubmissions, type PolicyInForce } from './review-submissions.reactor.js';

/** The policy's aggregate lives in partition 0, and no other is read. */
const policyEvents = { ...eventsOf(approval), partitions: 1 };

/**
 * Runs the reactor that opens reviews, with the policy in force in memory: it reacts to nothing before it has read the
 * policy up to the end of the log, so that a start never brings an older policy back.
 */
@Injectable()
export class SubmissionReviews implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private inForce: PolicyInForce = { policy: defaultPolicy, version: 0 };
  private started = false;
  private stopping = false;
  private readonly tail: LogTail<typeof policyEvents>;
  private readonly reactor: Reactor<typeof registration, typeof approval>;

  constructor(
    @Inject(LOG_SETTINGS) settings: LogSettings,
    @InjectCommands(approval) commands: CommandPort<typeof approval>,
    private readonly startup: LogStartup,
    private readonly health: HealthRegistry,
    private readonly fatal: FatalErrors,
    reactions: Reactions,
  ) {
    const definition = reviewSubmissions(() => this.inForce);
    const onFailure = (error: unknown): void => this.fatal.report(`${definition.name} failed`, error);
    this.tail = new LogTail(settings, {
      sources: [policyEvents],
      from: 'start',
      onBatch: (entries) => {
        for (const { event } of entries) {
          if (event.type === 'policy-set') {
            this.inForce = { policy: event.data.policy, version: event.meta.version };
          }
        }
      },
      onFailure,
    });
    this.reactor = new Reactor(settings, definition, commands, onFailure);
    reactions.register(this.reactor);
  }

  onModuleInit(): void {
    this.health.register(
      'approval-reviews-submissions',
      () => {
        if (!this.started) throw new Error('has not read the approval policy yet, or all else is not ready');
      },
      'last',
    );
  }

  onApplicationBootstrap(): void {
    void this.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await Promise.all([this.reactor.close(), this.tail.close()]);
  }

  private async start(): Promise<void> {
    try {
      await this.startup.ready();
      await this.tail.start();
      if (!(await this.health.untilRestReady()) || this.stopping) return;
      await this.reactor.start();
      this.started = true;
    } catch (error) {
      if (!this.stopping && !this.startup.stopped) this.fatal.report('reviews of submissions could not start', error);
    }
  }
}
