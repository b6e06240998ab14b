import { randomUUID } from 'node:crypto';
import { encodeErasure, erasuresTopic, type ErasureReason } from '#contracts';
import type { TopicAppendPort } from '#event-log';
import { Injectable } from '@nestjs/common';
import { InjectAppender } from '../log/log-providers.js';
import { ErasureFollower } from './erasure-follower.js';

/**
 * Erases whoever a random id stands for: says so in the log, for ever and for every earlier copy of the vault, and destroys
 * their key. A module that provides it provides the appender of the topic, too.
 */
@Injectable()
export class OwnerErasures {
  constructor(
    @InjectAppender(erasuresTopic) private readonly topic: TopicAppendPort,
    private readonly follower: ErasureFollower,
  ) {}

  /**
   * Once the event is acknowledged they are erased, whoever carries it out. Nothing asks whether they were before.
   *
   * @param actor who asked for it: a random id, or a part of the system
   * @returns when, RFC 3339
   * @throws NotAppended, and nothing was erased; VaultUnavailable, and it is carried out later
   */
  async erase(id: string, reason: ErasureReason, actor: string, correlation: string): Promise<string> {
    const time = new Date().toISOString();
    const meta = { id: randomUUID(), subject: id, time, actor, correlationId: correlation, causationId: correlation };
    await this.topic.append(0, { key: id, value: encodeErasure({ reason }, meta) });
    await this.follower.carryOut(id, time);
    return time;
  }
}
