export { DpopNonces } from './nonces.js';
export { proofAlgorithms, proofOf, type KeyProof, type ProofFault, type ProvedRequest } from './proof.js';
export { SpentProofs, type SpentProofsStore } from './spent-proofs.js';
export { CreateSpentProofs1763942400031 } from './create-spent-proofs.js';
