import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An application as it stands now, as the projection keeps it for reading. */
@Entity({ schema: 'projection', name: 'applications' })
export class StoredApplication {
  @PrimaryColumn('uuid')
  id: string;

  @Column({ name: 'owner_id', type: 'text' })
  ownerId: string;

  @Column('text')
  kind: string;

  @Column('text')
  status: string;

  @Column('integer')
  version: number;

  /** What a `GET` shows, without what stands in the vault. */
  @Column('jsonb')
  view: object;
}

/** One event of an application. */
@Entity({ schema: 'projection', name: 'application_history' })
export class StoredEvent {
  @PrimaryColumn({ name: 'application_id', type: 'uuid' })
  applicationId: string;

  @PrimaryColumn('integer')
  version: number;

  @Column('text')
  id: string;

  @Column('text')
  type: string;

  @Column('timestamptz')
  time: Date;

  @Column('text')
  actor: string;

  @Column({ name: 'correlation_id', type: 'text' })
  correlationId: string;

  @Column('text')
  position: string;

  @Column('jsonb')
  data: object;
}
