import { ReceiptCollector, ReceiptUnavailable, type Receipt } from '#enforcement';
import { EnforcementMetrics, Log, provideLogPart } from '#host';
import { Inject, Injectable, type Provider } from '@nestjs/common';
import type { Succeeded } from '../consent/grant-events.js';

const COLLECTOR = 'gatehouse:grant-receipts';

/** Proof that the end of a grant is in force at every enforcement point. */
@Injectable()
export class GrantReceipts {
  constructor(
    @Inject(COLLECTOR) private readonly collector: Pick<ReceiptCollector, 'receipt'>,
    private readonly log: Log,
  ) {}

  /** The receipt of a grant's end; undefined where it could not be had: the end stands all the same. */
  async of(applicationId: string, ended: Succeeded): Promise<Receipt | undefined> {
    try {
      const decidedAt = new Date().toISOString();
      return await this.collector.receipt({ applicationId, position: ended.position, decidedAt });
    } catch (error) {
      if (!(error instanceof ReceiptUnavailable)) throw error;
      this.log.warn('the receipt of a grant’s end could not be given', error);
      return undefined;
    }
  }
}

export function provideGrantReceipts(): Provider[] {
  return [
    ...provideLogPart(
      COLLECTOR,
      'grant-receipts',
      [EnforcementMetrics],
      (settings, onFailure, meter: EnforcementMetrics) =>
        new ReceiptCollector(settings, { context: 'token', meter, onFailure }),
    ),
    GrantReceipts,
  ];
}
