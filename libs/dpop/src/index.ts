export { DpopNonces } from './nonces.js';
export { proofAlgorithms, proofOf, type KeyProof, type ProofFault, type ProvedRequest } from './proof.js';
export { SpentProofs } from './spent-proofs.js';
export {
  beginAnew,
  forgetDatabase,
  forgetItself,
  intact,
  rememberDatabase,
  rememberItself,
  ReplayMemoryLost,
} from './replay-memory.js';
export { NameProofsDatabase1764280800042 } from './name-proofs-database.js';
export { CreateSpentProofs1763942400031 } from './create-spent-proofs.js';
export { GuardSpentProofs1764244800036 } from './guard-spent-proofs.js';
