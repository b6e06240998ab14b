import { defineProjection } from '#event-log';
import { growTrees } from './grow-trees.js';
import { auditedTopics } from '#records';
import { leavesOf } from './leaf-source.js';

/** A Merkle tree of every partition of every topic that the audit keeps (docs/adr/0016). */
export const auditTreesProjection = defineProjection({
  name: 'audit-trees',
  version: 2,
  tables: ['audit_trees', 'audit_tree_tiles', 'audit_tree_nodes', 'audit_runs', 'audit_gaps'],
  sources: auditedTopics.map(leavesOf),
  // Heads are signed every few seconds, and who asks for a proof waits for its record.
  restMs: 1_000,
  apply: growTrees,
});
