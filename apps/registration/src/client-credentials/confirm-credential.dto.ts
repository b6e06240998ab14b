import { IsOptional, Matches } from 'class-validator';

/** The code that was sent to the contacts; an operator sends none. */
export class Confirmation {
  @IsOptional()
  @Matches(/^[A-Za-z0-9_-]{22}$/, { message: 'must be the code of 22 characters from the message to the contacts' })
  code?: string;
}
