import { activityTopic, UNKNOWN_APPLICATION } from '#contracts';
import type { ActivityPort, LogSettings } from '#event-log';
import type { ToldReport } from './point-codec.js';

/** How many records of refusals are sent at once; who writes more at once than that finds the rest in the log of the process. */
const AT_ONCE = 50;
const CLAIM_LENGTH = 128;

/** Puts on record who claimed to be an enforcement point. No receipt waits for that. */
export class RefusedReports {
  #underWay = 0;

  constructor(
    private readonly settings: Pick<LogSettings, 'sink' | 'onTopic'>,
    private readonly activity: ActivityPort | undefined,
  ) {
    if (activity) settings.onTopic?.('sends', activityTopic.name);
  }

  tell({ report, record }: ToldReport, reason: string): void {
    const offset = String(record.offset);
    const claimed =
      report === undefined ? {} : { claimedPoint: report.id.slice(0, CLAIM_LENGTH), claimedStopped: report.stopped };
    this.settings.sink.warn({ offset, reason }, 'a report of an enforcement point was refused');
    if (!this.activity || this.#underWay >= AT_ONCE) return;
    this.#underWay++;
    const place = `enforcement:${record.partition}:${offset}`;
    const meta = { subject: UNKNOWN_APPLICATION, actor: 'system:receipts', correlationId: place, causationId: place };
    this.activity
      .append({ type: 'report-refused', data: { offset, reason, ...claimed } }, meta)
      .catch((error: unknown) => {
        this.settings.sink.warn({ err: error, offset }, 'that a report was refused could not be put on record');
      })
      .finally(() => this.#underWay--);
  }
}
