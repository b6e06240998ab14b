import type { Position } from '#contracts';
import { Database, InjectProjection, malformed, notFound, type ProjectionReadiness, unavailable } from '#host';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { auditRecordsProjection } from '../audit-records/audit-records.projection.js';
import { AuditConfig } from '../audit.config.js';
import { auditTreesProjection } from '../grow-trees/audit-trees.projection.js';
import { type AnsweredCheckpoint, newestOver, readCheckpoint } from './checkpoint-rows.js';
import type { ProofQuery } from './proof-requests.js';
import { Proofs } from './proofs.js';

interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/** All that is needed to see, without asking anybody, that a record is in the log. */
export class ProveRecord extends Query<object> {
  constructor(
    readonly recordId: string,
    readonly asked: ProofQuery,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ProveRecord)
export class ProveRecordHandler implements IQueryHandler<ProveRecord> {
  constructor(
    private readonly database: Database,
    private readonly proofs: Proofs,
    private readonly config: AuditConfig,
    @InjectProjection(auditRecordsProjection) private readonly records: ProjectionReadiness,
    @InjectProjection(auditTreesProjection) private readonly trees: ProjectionReadiness,
  ) {}

  async execute({ recordId, asked, seen }: ProveRecord) {
    await Promise.all([this.records.reached(seen), this.trees.reached(seen)]);
    const place = await this.placeOf(recordId);
    const index = await this.proofs.indexOf(place, place.offset);
    const checkpoint =
      index === undefined ? undefined : await this.checkpointOver({ ...place, index }, asked.checkpoint);
    if (index === undefined || checkpoint === undefined)
      throw unavailable('No checkpoint has been signed over this record yet.', this.config.checkpointSeconds);
    const [leaf] = await this.proofs.leaves(checkpoint, index, 1);
    if (leaf === undefined) throw notFound(); // the log no longer keeps it
    return {
      recordId,
      leaf,
      checkpoint,
      ...(asked.since === undefined ? {} : { consistency: await this.proofs.consistency(checkpoint, asked.since) }),
    };
  }

  private async placeOf(id: string): Promise<Place> {
    const [place] = id.includes('\0')
      ? []
      : await this.database.query<Place>(
          `SELECT log_topic AS topic, log_partition AS partition, log_offset AS "offset"
             FROM projection.audit_records WHERE id = $1`,
          [id],
        );
    if (place === undefined) throw notFound();
    return place;
  }

  private async checkpointOver(
    leaf: { readonly topic: string; readonly partition: number; readonly index: number },
    asked: string | undefined,
  ): Promise<AnsweredCheckpoint | undefined> {
    if (asked === undefined) return await newestOver(this.database, leaf);
    const checkpoint = await readCheckpoint(this.database, asked);
    const over =
      checkpoint.topic === leaf.topic && checkpoint.partition === leaf.partition && checkpoint.size > leaf.index;
    if (!over)
      throw malformed('The checkpoint is not over this record.', [
        { pointer: '/checkpoint', detail: `must be one of ${leaf.topic}:${leaf.partition} larger than ${leaf.index}` },
      ]);
    return checkpoint;
  }
}
