import type { PointReport } from '#contracts';
import { type Clock, elapsedSurely, type Instant } from './clock.js';
import { judgeReport, type ToldReport } from './point-codec.js';
import { type EnforcementTiming, leaseCertainlyOver } from './timing.js';

interface KnownPoint {
  readonly report: PointReport;
  /** When this process read its last report. */
  readonly heardAt: Instant;
}

/** Nobody has so many: somebody invents them, and those of a lease ago are looked through for no receipt any more. */
const MANY = 1_000;
const LONG_AGO_MS = 3_600_000;

/** Told of a record that is no report of the point which it names. */
export type OnRefused = (told: ToldReport, reason: string) => void;

/** The enforcement points that may hold a lease, by what they have reported and signed. */
export class KnownPoints {
  readonly #points = new Map<string, KnownPoint>();

  constructor(
    private readonly timing: Pick<EnforcementTiming, 'leaseMs'>,
    private readonly clock: Clock,
    private readonly onRefused: OnRefused,
  ) {}

  /**
   * Takes what was read, in its order. Of each point its newest report counts.
   *
   * @param past whether it stood there at the start, and may be a report a second for a week: no signature is looked at of a
   *   report that another of the same point follows here
   */
  hear(told: readonly ToldReport[], past: boolean): void {
    const heard = new Set<string>();
    const refused: (() => void)[] = [];
    for (const each of told.toReversed()) {
      const isNewest = each.report === undefined || !heard.has(each.report.id);
      if (past && !isNewest) continue;
      const judged = judgeReport(each);
      if (judged.worth !== 'proven') refused.push(() => this.onRefused(each, judged.reason));
      if (judged.worth === 'forged' || !isNewest) continue;
      const { report } = judged;
      heard.add(report.id);
      if (judged.worth === 'unproven') this.#doubt(report, past);
      else if (report.stopped) this.#points.delete(report.id);
      else this.#points.set(report.id, { report, heardAt: this.clock() });
    }
    for (const tell of refused.reverse()) tell();
    if (this.#points.size > MANY) this.#forgetSilent();
  }

  /** The last report of every point that has neither stopped nor been silent for longer than a lease. */
  current(): readonly PointReport[] {
    this.#forgetSilent();
    return this.all();
  }

  /** As {@link current}, with those that fell silent since it was asked for. */
  all(): readonly PointReport[] {
    return [...this.#points.values()].map(({ report }) => report);
  }

  /**
   * There may be such a point. What it says was applied, and that it has stopped, is not believed: its silence is. What stood
   * there at the start and says itself to be of long ago adds no point: the topic keeps the last reports of releases before
   * signatures. One that lives reports again within a second, whatever its clock says.
   */
  #doubt({ id, kind, appliedAt }: PointReport, past: boolean): void {
    if (past && this.clock().wall - Date.parse(appliedAt) > LONG_AGO_MS) return;
    const report: PointReport = { id, kind, positions: {}, appliedAt, inFlightWrites: {}, stopped: false };
    this.#points.set(id, { report, heardAt: this.clock() });
  }

  /** A point that was silent for longer than any lease lets nobody in, and must earn one anew before it does. */
  #forgetSilent(): void {
    const now = this.clock();
    for (const [id, { heardAt }] of this.#points)
      if (elapsedSurely(heardAt, now) > leaseCertainlyOver(this.timing)) this.#points.delete(id);
  }
}
