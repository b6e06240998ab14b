import type { AccessFold, EffectiveAccess } from '#access';
import type { EnforcementPoint } from '#enforcement';
import type { Enforced } from '#smart';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import { type CallDecision, decideCall } from '../decide-call/decide-call.js';
import type { JudgedCall } from './read-call.js';

/** Of an enforcement point, what calls are judged by. */
export type JudgingPoint = Pick<EnforcementPoint, 'holdsLease'> & {
  readonly access: Pick<AccessFold, 'byApplicationId'>;
};

/** What is in force, looked at in the tick in which it is asked. */
export class InForce {
  constructor(
    private readonly point: JudgingPoint,
    /** What is enforced of calls beside the decision. */
    private readonly enforced: Enforced,
  ) {}

  /** Whether this instance may let anybody in: it is up to date with what is in force. */
  holdsLease(): boolean {
    return this.point.holdsLease();
  }

  accessOf({ applicationId }: AccessTokenClaims): EffectiveAccess | undefined {
    return this.point.access.byApplicationId(applicationId, Date.now());
  }

  /**
   * Whether what a call began may go on: by what is known to be in force, with or without a lease. Nothing may leave on
   * its account.
   */
  mayGoOn({ claims, interaction, reaches }: JudgedCall, approvalVersion: number | undefined): boolean {
    const access = this.accessOf(claims);
    const { outcome } = decideCall(claims, access, interaction, reaches, this.enforced);
    return outcome === 'allow' && access?.approvalVersion === approvalVersion;
  }

  /** The decision of a call in this tick; undefined without a lease. */
  decide({ claims, interaction, reaches }: JudgedCall): CallDecision | undefined {
    return this.holdsLease()
      ? decideCall(claims, this.accessOf(claims), interaction, reaches, this.enforced)
      : undefined;
  }
}
