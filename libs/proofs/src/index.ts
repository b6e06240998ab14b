export { HASH_LENGTH, leafHash } from './merkle/hash.js';
export { rangeHash, subtreesOf, type LeafRange, type NodeId, type ReadNode } from './merkle/node.js';
export { CompactRange, edgeOf, type CompletedNode } from './merkle/compact-range.js';
export { inclusionRanges, verifyInclusion, type Inclusion } from './merkle/inclusion.js';
export { consistencyRanges, verifyConsistency, type Consistency } from './merkle/consistency.js';
export { recordLeaf, type RecordBytes } from './leaf/record-leaf.js';
export { decodePublicKey, encodePublicKey, NoteRefused, verifierKey } from './note/signed-note.js';
export { openCheckpoint, signCheckpoint, type Checkpoint } from './note/checkpoint.js';
