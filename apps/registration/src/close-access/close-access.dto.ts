import { Reason } from '#host';

export class Because {
  @Reason()
  reason: string;
}
