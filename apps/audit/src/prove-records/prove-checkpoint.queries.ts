import { Database, decodeCursor, encodeCursor, malformed, type Page } from '#host';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { readCheckpoint } from './checkpoint-rows.js';
import type { LeavesQuery } from './proof-requests.js';
import { type Consistency, type ProvedLeaf, Proofs } from './proofs.js';

/** Records under a checkpoint as the log holds them, each with its proof. */
export class ListLeaves extends Query<Page<ProvedLeaf>> {
  constructor(
    readonly checkpointId: string,
    readonly asked: LeavesQuery,
  ) {
    super();
  }
}

@QueryHandler(ListLeaves)
export class ListLeavesHandler implements IQueryHandler<ListLeaves> {
  constructor(
    private readonly database: Database,
    private readonly proofs: Proofs,
  ) {}

  async execute({ checkpointId, asked: { first = 0, limit, cursor } }: ListLeaves): Promise<Page<ProvedLeaf>> {
    const checkpoint = await readCheckpoint(this.database, checkpointId);
    const begin = cursor === undefined ? first : Number(decodeCursor(cursor, ['number'])[0]);
    if (!Number.isSafeInteger(begin) || begin < 0)
      throw malformed('The cursor is not one of this list.', [{ pointer: '/cursor', detail: 'names no leaf' }]);
    const items = await this.proofs.leaves(checkpoint, begin, limit);
    const next = begin + limit;
    return { items, ...(next < checkpoint.size ? { next: encodeCursor([next]) } : {}) };
  }
}

/** That the log only grew from an earlier size to a checkpoint. */
export class ProveConsistency extends Query<Consistency> {
  constructor(
    readonly checkpointId: string,
    readonly since: number,
  ) {
    super();
  }
}

@QueryHandler(ProveConsistency)
export class ProveConsistencyHandler implements IQueryHandler<ProveConsistency> {
  constructor(
    private readonly database: Database,
    private readonly proofs: Proofs,
  ) {}

  async execute({ checkpointId, since }: ProveConsistency) {
    return await this.proofs.consistency(await readCheckpoint(this.database, checkpointId), since);
  }
}
