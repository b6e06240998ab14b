import { Reason } from '#host';

export class CampaignClosure {
  @Reason()
  reason: string;
}
