import type { ServicePart } from '#host';
import { AuditConfig } from './audit.config.js';
import { AuditModule } from './audit.module.js';
import { CreateAuditRecords1763949600000 } from './audit-records/create-audit-records.js';
import { AddObserved1763950200000 } from './audit-records/add-observed.js';
import { CreateAuditTrees1763949800000 } from './grow-trees/create-audit-trees.js';
import { CreateTreeTiles1764288000000 } from './grow-trees/create-tree-tiles.js';
import { CreateCheckpointKeys1763949900000 } from './sign-checkpoints/create-checkpoint-keys.js';
import { CreateAuditCheckpoints1763949900001 } from './sign-checkpoints/create-checkpoints.js';

/** Keeps what every context decided and every call that was let in or refused, and answers what an auditor asks. */
export const auditPart: ServicePart = {
  name: 'audit',
  defaultPort: 8086,
  module: AuditModule,
  config: [AuditConfig],
  migrations: {
    projection: [
      CreateAuditRecords1763949600000,
      CreateAuditTrees1763949800000,
      CreateAuditCheckpoints1763949900001,
      AddObserved1763950200000,
      CreateTreeTiles1764288000000,
    ],
    vault: [CreateCheckpointKeys1763949900000],
  },
};
