import { erasureReasons, type ErasureReason } from '#contracts';
import {
  ApiOkResponse,
  ApiProperty,
  ApiTags,
  type Caller,
  CurrentCaller,
  notFound,
  Problems,
  Roles,
  UuidParam,
} from '#host';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { IsIn } from 'class-validator';
import { certainly } from './certainly.js';
import { PersonErasures, type PersonErased } from './person-erasures.js';
import { personErasedSchema } from './person-ended.schema.js';

class PersonErasure {
  /** Why (GDPR, Article 17(1)); a word of this list and no text, since it is kept for ever. */
  @ApiProperty({ enum: erasureReasons })
  @IsIn(erasureReasons)
  reason: ErasureReason;
}

/** An operator has the vault forget somebody. */
@Controller('oauth/users/:id')
@ApiTags('token')
export class ErasePersonController {
  constructor(private readonly erasures: PersonErasures) {}

  /**
   * Destroys what the vault keeps of a person or a patient (identity, name, address, what was sealed for them), for ever
   * and in every earlier copy of it that is restored, after ending their sessions, grants and tokens. The id, which is
   * the one that stands for them in records, is nobody's then. Asking again changes nothing. 503: not certain to be in
   * force everywhere yet; ask again.
   */
  @Post('erasure')
  @HttpCode(200)
  @Roles('operator')
  @ApiOkResponse({ schema: personErasedSchema })
  @Problems(400, 401, 403, 404, 413, 415, 500, 503)
  async erase(
    @UuidParam() id: string,
    @Body() { reason }: PersonErasure,
    @CurrentCaller() caller: Caller,
  ): Promise<PersonErased> {
    const erased = await certainly(this.erasures.erase(id, reason, caller.id));
    if (erased === undefined) throw notFound();
    return erased;
  }
}
