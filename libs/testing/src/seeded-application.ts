import {
  approval,
  type CallLimits,
  mintId,
  mintIdBeside,
  registration,
  type ContextContract,
  type EventOf,
} from '#contracts';
import type { LogSeed } from './seed-log.js';
import type { TestClient } from './test-client.js';

/** A backend application whose events a test writes itself: for apps that only fold them. */
export class SeededApplication {
  readonly id: string;

  /**
   * @param around what its events have besides: the partition that its id names, the time in milliseconds since 1970 at
   *               which it was minted, and the command that caused them
   */
  constructor(
    private readonly log: LogSeed,
    readonly client: TestClient,
    private readonly around: {
      readonly partition?: number;
      readonly mintedAt?: number;
      readonly commandOffset?: bigint;
    } = {},
  ) {
    this.id = mintId(around.partition ?? 3, around.mintedAt);
  }

  async happened<C extends ContextContract>(contract: C, event: EventOf<C>): Promise<void> {
    const { commandOffset } = this.around;
    await this.log.event(contract, event, {
      subject: this.id,
      actor: 'test',
      time: new Date().toISOString(),
      ...(commandOffset === undefined ? {} : { commandOffset }),
    });
  }

  /** Registers it with the client's key, or with the address where the client publishes it. */
  registered(jwksUri?: string): Promise<void> {
    return this.happened(registration, {
      type: 'application-registered',
      data: {
        clientId: this.client.clientId,
        ownerId: 'owner',
        reviewed: {
          name: 'Exporter',
          kind: 'backend',
          clientType: 'confidential-asymmetric',
          scopes: ['system/*.rs'],
          purposesOfUse: [{ code: 'HOPERAT', justification: 'nightly export' }],
          redirectUris: [],
          allowedOrigins: [],
          ...(jwksUri === undefined ? {} : { jwksUri }),
        },
        other: { description: '', attestations: [], documents: [] },
        keys: jwksUri === undefined ? [this.client.key] : [],
      },
    });
  }

  /** Approves it for good, as both contexts tell it. */
  async approved(scopes: string[], endpoints = ['*'], limits?: CallLimits): Promise<void> {
    const standing = {
      approvalVersion: 1,
      submission: 1,
      scopes,
      expiresAt: '2999-01-01T00:00:00Z',
      ...(limits === undefined ? {} : { limits }),
    };
    await this.happened(approval, {
      type: 'review-approved',
      data: {
        ...standing,
        reviewId: mintIdBeside(this.id),
        reviewerIds: ['reviewer'],
        conditions: [],
        endpoints,
        reason: 'fine',
      },
    });
    await this.happened(registration, { type: 'approval-applied', data: { ...standing, expired: false } });
  }
}
