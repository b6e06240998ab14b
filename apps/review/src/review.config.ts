import { Setting } from '#host';
import { IsInt, Max, Min } from 'class-validator';

export class ReviewConfig {
  @Setting('REVIEW_WINDOW_DAYS', {
    mustBe: 'a number of days from 1 to 2192',
    describe:
      'How many days of activity a campaign shows as evidence; access unused for so long is recommended to be revoked.',
  })
  @IsInt()
  @Min(1)
  @Max(2192)
  windowDays: number = 90;
}
