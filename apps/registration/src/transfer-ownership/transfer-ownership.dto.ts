import { IsUUID } from 'class-validator';

export class NewOwner {
  /** The `ownerId` of the new owner, as an application of theirs shows it. */
  @IsUUID()
  ownerId: string;
}
