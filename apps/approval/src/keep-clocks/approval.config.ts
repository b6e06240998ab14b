import { Setting } from '#host';
import { IsInt, Max, Min } from 'class-validator';

/** Settings of approval; what reviewers must do stands in the policy. */
export class ApprovalConfig {
  @Setting('APPROVAL_CLOCK_SECONDS', {
    mustBe: 'a number of seconds from 1 to 3600',
    describe: 'How often due reviews and approvals at their end are looked for. Enforcement has a clock of its own.',
  })
  @IsInt()
  @Min(1)
  @Max(3600)
  clockSeconds: number = 60;
}
