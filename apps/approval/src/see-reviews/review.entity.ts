import type { ApprovalPolicy, ReviewedMetadata } from '#contracts';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { ReviewView } from '../domain/application-approval.js';

/** An application, as far as approval has to know it. */
@Entity({ schema: 'projection', name: 'approval_applications' })
export class StoredApproval {
  @PrimaryColumn({ name: 'application_id', type: 'uuid' })
  applicationId: string;

  /** Who owns it now. */
  @Column({ name: 'owner_id', type: 'text', nullable: true })
  ownerId: string | null;

  @Column({ name: 'approval_version', type: 'integer', nullable: true })
  approvalVersion: number | null;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt: Date | null;
}

/** A review, as the projection keeps it for reading. */
@Entity({ schema: 'projection', name: 'approval_reviews' })
export class StoredReview {
  @PrimaryColumn('uuid')
  id: string;

  @Column({ name: 'application_id', type: 'uuid' })
  applicationId: string;

  @ManyToOne(() => StoredApproval, { createForeignKeyConstraints: false })
  @JoinColumn({ name: 'application_id' })
  application: StoredApproval;

  @Column('text')
  status: string;

  @Column({ name: 'due_at', type: 'timestamptz' })
  dueAt: Date;

  @Column('boolean')
  breached: boolean;

  @Column('jsonb')
  view: ReviewView;

  /** What was declared when it was submitted. */
  @Column('jsonb')
  declared: ReviewedMetadata;
}

/** One thing that happened to an application before reviewers. */
@Entity({ schema: 'projection', name: 'approval_history' })
export class StoredStep {
  @PrimaryColumn({ name: 'application_id', type: 'uuid' })
  applicationId: string;

  @PrimaryColumn('integer')
  version: number;

  @Column('timestamptz')
  time: Date;

  @Column('text')
  type: string;

  @Column('text')
  actor: string;

  @Column('jsonb')
  data: object;
}

/** A policy that was in force from its version on. */
@Entity({ schema: 'projection', name: 'approval_policies' })
export class StoredPolicy {
  @PrimaryColumn('integer')
  version: number;

  @Column('jsonb')
  policy: ApprovalPolicy;
}
