import { IsInt, Matches, Max, Min } from 'class-validator';
import type { TopicGuardOptions } from '#event-log';
import { BaseConfig } from '../config/base-config.js';
import { Setting, type ConfigFault, type ConfigSection, type ServiceIdentity } from '../config/setting.js';

/** How the log must stand, asserted at boot. */
export class LogConfig implements ConfigSection {
  @Setting('KAFKA_REPLICATION_FACTOR', {
    mustBe: 'a number from 1 to 10; at least 3 outside development',
    describe: 'Copies that every partition of the log must have.',
    byDefault: '3; 1 in development',
  })
  @IsInt()
  @Min(1)
  @Max(10)
  replicationFactor?: number;

  @Setting('KAFKA_MIN_IN_SYNC_REPLICAS', {
    mustBe: 'a number from 1 to 10; at least 2 outside development',
    describe: 'Copies that must have a record before it counts as written.',
    byDefault: '2; 1 in development',
  })
  @IsInt()
  @Min(1)
  @Max(10)
  minInSyncReplicas?: number;

  @Setting('KAFKA_TOPIC_PREFIX', {
    mustBe: 'empty outside development; letters, digits, dots, dashes',
    describe: 'Stands before every topic, group and transactional id: several systems on one development broker.',
  })
  @Matches(/^[A-Za-z0-9._-]{0,64}$/)
  topicPrefix: string = '';

  complete(_service: ServiceIdentity, base: object): void {
    const development = base instanceof BaseConfig && base.development;
    this.replicationFactor ??= development ? 1 : 3;
    this.minInSyncReplicas ??= development ? 1 : 2;
  }

  /** What the topics are held against. */
  guard(): TopicGuardOptions {
    return { replicationFactor: this.replicationFactor ?? 3, minInSyncReplicas: this.minInSyncReplicas ?? 2 };
  }

  faults(base: object): readonly ConfigFault[] {
    const { replicationFactor = 0, minInSyncReplicas = 0 } = this;
    const more =
      minInSyncReplicas > replicationFactor
        ? [
            {
              variable: 'KAFKA_MIN_IN_SYNC_REPLICAS',
              mustBe: 'at most KAFKA_REPLICATION_FACTOR: else nothing is ever written',
            },
          ]
        : [];
    if (base instanceof BaseConfig && base.development) return more;
    return [
      ...more,
      ...(replicationFactor < 3
        ? [{ variable: 'KAFKA_REPLICATION_FACTOR', mustBe: 'at least 3 outside development' }]
        : []),
      ...(minInSyncReplicas < 2
        ? [{ variable: 'KAFKA_MIN_IN_SYNC_REPLICAS', mustBe: 'at least 2 outside development' }]
        : []),
      ...(this.topicPrefix !== '' ? [{ variable: 'KAFKA_TOPIC_PREFIX', mustBe: 'empty outside development' }] : []),
    ];
  }
}
