export { cuttableProxy, type CuttableProxy } from './cuttable-proxy.js';
export { freePort } from './free-port.js';
export { testIssuer, type TestIssuer, type TokenClaims } from './test-issuer.js';
export { startTestService, type TestService } from './test-service.js';
