/** The constants of enforcement; a test may shorten them. */
export interface EnforcementTiming {
  /** How long a point may let calls in after it began to earn its lease. Longer than a broker's failover. */
  readonly leaseMs: number;
  /** How often a point reports and earns its lease anew. */
  readonly reportMs: number;
}

export const enforcementTiming: EnforcementTiming = { leaseMs: 10_000, reportMs: 1_000 };

/** How much longer than a lease others wait for it to have run out: clocks run at the same rate within 10 %. */
const CLOCK_TOLERANCE = 1.1;

/** After this long without a report a point's lease has run out, by anybody's clock: in milliseconds. */
export function leaseCertainlyOver({ leaseMs }: Pick<EnforcementTiming, 'leaseMs'>): number {
  return leaseMs * CLOCK_TOLERANCE;
}
