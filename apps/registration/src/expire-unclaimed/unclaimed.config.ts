import { Setting } from '#host';
import { IsInt, Max, Min } from 'class-validator';

/** How long open registrations wait for somebody who claims them. */
export class UnclaimedConfig {
  @Setting('REGISTRATION_UNCLAIMED_DAYS', {
    mustBe: 'a number of days from 1 to 365',
    describe: 'An open registration (TOKEN_OPEN_REGISTRATION) that nobody has claimed by then ends.',
  })
  @IsInt()
  @Min(1)
  @Max(365)
  days: number = 30;

  @Setting('REGISTRATION_CLOCK_SECONDS', {
    mustBe: 'a number of seconds from 1 to 86400',
    describe: 'How often those are looked for whose time has come.',
  })
  @IsInt()
  @Min(1)
  @Max(86_400)
  clockSeconds: number = 600;
}
