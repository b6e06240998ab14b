export { openAccess } from './open-access.js';
export { MemorySnapshots } from './memory-snapshots.js';
export { cuttableProxy, type CuttableProxy } from './cuttable-proxy.js';
export { kafkaProxy, KAFKA_REQUESTS, type KafkaProxy, type KafkaRequest } from './kafka-proxy.js';
export { kafkaRelay, type KafkaRelay } from './kafka-relay.js';
export { LogSeed, type Seeded } from './seed-log.js';
export { followActivity, type FollowedActivity } from './followed-activity.js';
export { rawRequest } from './raw-request.js';
export { things, ThingsModule } from './things.js';
export { quietLog } from './quiet-log.js';
export { untilOpen } from './until-open.js';
export { freePort } from './free-port.js';
export { testAuthority, type TestAuthority, type TestCertificate } from './test-authority.js';
export { testIssuer, type TestIssuer, type TokenClaims } from './test-issuer.js';
export { callsTo, startTestService, type TestService } from './test-service.js';
export {
  csrfIn,
  offeredIn,
  testAuthorization,
  testAuthorizationOf,
  type TestApp,
  type TestAuthorization,
  type TokenAnswer,
} from './test-authorization.js';
export { testBrowser, type TestBrowser } from './test-browser.js';
export { SeededApplication } from './seeded-application.js';
export { testProver, type TestProver } from './test-prover.js';
export { testUpstream, type TestUpstream } from './test-upstream.js';
export { testClient, type TestClient } from './test-client.js';
export { counter, counterDecider, counterTopics } from './counter/counter.js';
export { countersProjection, PoolStore } from './counter/counter-projection.js';
export { type HostileAnswer, HostileFhirServer, type HostileRequest } from './hostile-fhir/hostile-fhir-server.js';
export type { StoredResource } from './hostile-fhir/hostile-search.js';
export { listenHostile } from './hostile-fhir/listen.js';
export { type BrokenFhir, listenBroken } from './hostile-fhir/listen-broken.js';
export { storeOn, vaultDatabase, type VaultDatabase } from './vault-database.js';
