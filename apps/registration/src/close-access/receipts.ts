import { formatPosition } from '#contracts';
import type { ActivityPort } from '#event-log';
import { ReceiptCollector, ReceiptUnavailable, type Receipt } from '#enforcement';
import { ACTIVITY, Answer, EnforcementMetrics, Log, provideLogPart, type Succeeded } from '#host';
import { Inject, Injectable, type Provider } from '@nestjs/common';

const COLLECTOR = 'gatehouse:receipts';

/** The receipts of this process: proof that a closure is in force at every enforcement point. */
@Injectable()
export class Receipts {
  constructor(
    @Inject(COLLECTOR) private readonly collector: Pick<ReceiptCollector, 'receipt'>,
    private readonly log: Log,
  ) {}

  /**
   * Waits until the decision is in force everywhere, and answers with the receipt. What takes longer than `withinMs` is
   * answered 202: the decision stands, and a retry brings the receipt.
   */
  async answer(decided: Succeeded, withinMs: number): Promise<Answer<unknown>> {
    const receipt = await this.within(decided, withinMs);
    if (receipt === undefined) return Answer.accepted('registration', decided.commandId);
    const { version, position } = decided;
    return Answer.ok(receipt, { version, position: formatPosition(position) });
  }

  /** The receipt of a decision, as soon as it is in force everywhere; undefined where that takes longer. */
  async within(decided: Succeeded, withinMs: number): Promise<Receipt | undefined> {
    const late = AbortSignal.timeout(Math.max(0, Math.ceil(withinMs)));
    const tooLate = new Promise<undefined>((resolve) => {
      late.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    return Promise.race([this.receiptOf(decided), tooLate]);
  }

  private async receiptOf({ subject, position, resource }: Succeeded): Promise<Receipt | undefined> {
    try {
      return await this.collector.receipt({ applicationId: subject, position, decidedAt: decidedAtOf(resource) });
    } catch (error) {
      if (!(error instanceof ReceiptUnavailable)) throw error;
      this.log.warn('a receipt could not be given', error);
      return undefined;
    }
  }
}

/** The time of the last event, which is the one that the receipt is about. */
function decidedAtOf(resource: unknown): string {
  const updatedAt =
    typeof resource === 'object' && resource !== null && 'updatedAt' in resource ? resource.updatedAt : undefined;
  if (typeof updatedAt !== 'string') throw new TypeError('the outcome of a closure holds no application');
  return updatedAt;
}

export function provideReceipts(): Provider[] {
  return [
    ...provideLogPart(
      COLLECTOR,
      'receipts',
      [ACTIVITY, EnforcementMetrics],
      (settings, onFailure, activity: ActivityPort, meter: EnforcementMetrics) =>
        new ReceiptCollector(settings, { activity, meter, onFailure }),
    ),
    Receipts,
  ];
}
