import { applyDecorators } from '@nestjs/common';
import { ArrayMaxSize, IsArray, IsISO8601, IsString, Length, Matches } from 'class-validator';

/** Text of `least` to `most` characters. */
export function Text(most: number, least = 1): PropertyDecorator {
  return applyDecorators(IsString(), Length(least, most));
}

/** At most `items` texts, each of 1 to `most` characters. */
export function Texts(items: number, most: number): PropertyDecorator {
  return applyDecorators(IsArray(), ArrayMaxSize(items), IsString({ each: true }), Length(1, most, { each: true }));
}

/** Why somebody decides something: what the log keeps for ever, so a blank is none. */
export function Reason(): PropertyDecorator {
  return applyDecorators(Text(2_000), Matches(/\S/, { message: 'must not be blank' }));
}

/** A time as api.md has it: RFC 3339, in UTC. */
export function UtcTime(): PropertyDecorator {
  return applyDecorators(
    IsISO8601({ strict: true }),
    Matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/, { message: 'must be a time in RFC 3339, UTC' }),
  );
}
