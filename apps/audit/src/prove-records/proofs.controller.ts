import type { Position } from '#contracts';
import { ApiTags, Lists, PageQuery, Public, Roles, SeenPositions, Shows } from '#host';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { CheckpointKey } from '../sign-checkpoints/checkpoint-key.js';
import { ListCheckpoints } from './list-checkpoints.query.js';
import { ListGaps } from './list-gaps.query.js';
import { CheckpointsQuery, ConsistencyQuery, LeavesQuery, ProofQuery } from './proof-requests.js';
import {
  checkpointSchema,
  consistencySchema,
  gapSchema,
  keysSchema,
  leafSchema,
  recordProofSchema,
} from './proof-schemas.js';
import { ListLeaves, ProveConsistency } from './prove-checkpoint.queries.js';
import { ProveRecord } from './prove-record.query.js';

/** What lets an auditor believe the log without believing whoever runs it (docs/adr/0016). */
@Controller('audit')
@ApiTags('audit')
@Roles('auditor', 'operator')
export class ProofsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly key: CheckpointKey,
  ) {}

  /** Signed heads of the Merkle trees over the log, the newest first. */
  @Get('checkpoints')
  @Lists(checkpointSchema)
  checkpoints(@Query() asked: CheckpointsQuery, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new ListCheckpoints(asked, seen));
  }

  /** Records under a checkpoint as the log holds them, each with the proof that it is there. */
  @Get('checkpoints/:id/leaves')
  @Lists(leafSchema)
  leaves(@Param('id') id: string, @Query() asked: LeavesQuery) {
    return this.queries.execute(new ListLeaves(id, asked));
  }

  /** That the log only grew from an earlier size to this checkpoint. */
  @Get('checkpoints/:id/consistency')
  @Shows(consistencySchema)
  consistency(@Param('id') id: string, @Query() { since }: ConsistencyQuery) {
    return this.queries.execute(new ProveConsistency(id, since));
  }

  /** A record as the log holds it, the proof that it is under a signed checkpoint, and on request that the log only grew. */
  @Get('records/:id/proof')
  @Shows(recordProofSchema)
  proof(@Param('id') id: string, @Query() asked: ProofQuery, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new ProveRecord(id, asked, seen));
  }

  /** Numbers of runs that no record has: records that were lost before they reached the log, or taken out of it. */
  @Get('gaps')
  @Lists(gapSchema)
  gaps(@Query() asked: PageQuery, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new ListGaps(asked, seen));
  }

  /** The public keys that checkpoints are signed with, for whoever keeps checkpoints. Pin them: they do not change. */
  @Get('keys')
  @Public()
  @Shows(keysSchema)
  async keys() {
    return { items: await this.key.published() };
  }
}
