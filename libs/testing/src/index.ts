export { cuttableProxy, type CuttableProxy } from './cuttable-proxy.js';
export { LogSeed, type Seeded } from './seed-log.js';
export { freePort } from './free-port.js';
export { testIssuer, type TestIssuer, type TokenClaims } from './test-issuer.js';
export { startTestService, type TestService } from './test-service.js';
export { SeededApplication } from './seeded-application.js';
export { testClient, type TestClient } from './test-client.js';
export { counter, counterDecider, counterTopics } from './counter/counter.js';
