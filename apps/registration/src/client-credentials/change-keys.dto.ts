import { Nested, Text } from '#host';
import { IsBoolean, IsObject, IsOptional } from 'class-validator';

class RemovedKey {
  @Text(256)
  kid: string;

  @IsBoolean()
  compromised: boolean;
}

/** A key to add, one to remove, or both. */
export class KeyChange {
  /** A JWK (RFC 7517). */
  @IsOptional()
  @IsObject()
  add?: Record<string, unknown>;

  @IsOptional()
  @Nested(() => RemovedKey)
  remove?: RemovedKey;
}
