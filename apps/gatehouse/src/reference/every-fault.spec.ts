import { ConfigError, configClassesOf, loadConfig, settingsOf, type Environment, type ServicePart } from '#host';
import { approvalPart } from '../../../approval/src/approval.part.js';
import { auditPart } from '../../../audit/src/audit.part.js';
import { gateway } from '../../../gateway/src/gateway.part.js';
import { registrationPart } from '../../../registration/src/registration.part.js';
import { reviewPart } from '../../../review/src/review.part.js';
import { tokenPart } from '../../../token/src/token.part.js';

const parts = [registrationPart, approvalPart, tokenPart, gateway, reviewPart, auditPart];
const theOneProcess: ServicePart = { name: 'gatehouse', defaultPort: 8080, parts };
const services = [...parts, theOneProcess].map((part) => [part.name, part] as const);

const key = Buffer.alloc(32, 7).toString('base64');
const PUBLIC_URL = 'https://gatehouse.example.org';
/** What a service needs outside development. */
const complete = ({ name }: ServicePart): Environment => ({
  HOST: '0.0.0.0',
  PUBLIC_URL,
  TRUSTED_PROXIES: '10.77.0.10',
  IDENTITY_ISSUER: 'https://idp.example.org',
  IDENTITY_AUDIENCE: `${PUBLIC_URL}/admin`,
  DATABASE_URL: 'postgres://gatehouse:swordfish@db.example.org/gatehouse',
  KAFKA_BROKERS: 'kafka-1.example.org:9093',
  KAFKA_SASL_USERNAME: `gatehouse-${name}`,
  KAFKA_SASL_PASSWORD: 'swordfish',
  VAULT_KEY: key,
  COMMAND_KEYS: `first:${key}`,
  FHIR_UPSTREAM_URL: 'https://fhir.example.org/r4',
  GATEWAY_PAGE_KEY: key,
  TOKEN_BRAND_NAME: 'Example Health',
});

/** What nobody means by any setting, and a few that are right for one and wrong for another. */
const ODD = ['?', '-1', '1e9', '0', 'a,,b', '{', 'http://', 'ftp://x/', 'https://user@host/path?query#fragment', '😀'];
/** Settings that hold whatever somebody else calls a thing. */
const ANY_TEXT = [
  'AUDIT_ORIGIN',
  'DATA_DIR',
  'GATEWAY_SPOOL_FOLDER',
  'IDENTITY_ACR',
  'IDENTITY_AMR',
  'IDENTITY_AUDIENCE',
  'IDENTITY_ROLES_CLAIM',
  'IDENTITY_TYP',
  'KAFKA_SASL_PASSWORD',
  'KAFKA_SASL_USERNAME',
  'TOKEN_BRAND_NAME',
  'TOKEN_SIGN_IN_CLIENT_ID',
];

function faultsOf(part: ServicePart, environment: Environment): ConfigError | undefined {
  try {
    loadConfig(part, configClassesOf(part), environment);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

const variablesOf = (part: ServicePart): readonly string[] => [
  ...new Set(configClassesOf(part).flatMap((section) => settingsOf(section).map(({ variable }) => variable))),
];

describe('a start with faults in its settings', () => {
  it.each(services)('%s with all that it needs has none', (_, part) => {
    expect(faultsOf(part, complete(part))?.message).toBeUndefined();
  });

  it.each(services)('%s with nothing set names all that it needs, and makes nothing up', (_, part) => {
    const { faults, message } = faultsOf(part, {}) ?? { faults: [], message: '' };
    const named = faults.map(({ variable }) => variable);
    expect(named).toEqual(expect.arrayContaining(['KAFKA_BROKERS', 'DATABASE_URL', 'PUBLIC_URL', 'VAULT_KEY']));
    expect(new Set(named).size).toBe(named.length);
    expect(message).not.toMatch(/undefined|NaN|\[object/);
  });

  it('names the one that is odd, whichever that is, and shows no secret', () => {
    const part = theOneProcess;
    const neverRefused: string[] = [];
    for (const variable of variablesOf(part)) {
      const found = ODD.map((odd) => faultsOf(part, { ...complete(part), [variable]: odd })).filter(
        (it) => it !== undefined,
      );
      for (const { faults, message } of found) {
        // What is right alone may lack what it goes with: the fault says so of that.
        expect(faults.map((it) => `${it.variable} ${it.mustBe}`).join()).toContain(variable);
        expect(message).not.toContain('swordfish');
      }
      if (found.length === 0) neverRefused.push(variable);
    }
    expect(neverRefused.sort()).toEqual(ANY_TEXT);
  });

  it.each(services)('%s says it of all of them at once', (_, part) => {
    const known = variablesOf(part);
    const alone = known.filter((variable) => faultsOf(part, { ...complete(part), [variable]: '?' }) !== undefined);
    const together = faultsOf(part, {
      ...complete(part),
      ...Object.fromEntries(alone.map((variable) => [variable, '?'])),
    });
    const told = new Set(together?.faults.map(({ variable }) => variable));
    // Who a service must be follows from KAFKA_PRINCIPALS, which is at fault itself.
    const untold = alone.filter((variable) => !told.has(variable) && variable !== 'KAFKA_SASL_USERNAME');
    expect(untold).toEqual([]);
  });

  /** Each is right alone. */
  const contradictions: readonly (readonly [string, ServicePart, Environment, string])[] = [
    ['one port for two', approvalPart, { PORT: '8080', ADMIN_PORT: '8080' }, 'ADMIN_PORT'],
    ['an open port and nowhere where TLS ends', approvalPart, { TRUSTED_PROXIES: '' }, 'TRUSTED_PROXIES'],
    ['half of the Internet as a proxy', approvalPart, { TRUSTED_PROXIES: '0.0.0.0/1,128.0.0.0/1' }, 'TRUSTED_PROXIES'],
    [
      'more copies to write than there are',
      approvalPart,
      { KAFKA_REPLICATION_FACTOR: '3', KAFKA_MIN_IN_SYNC_REPLICAS: '4' },
      'KAFKA_MIN_IN_SYNC_REPLICAS',
    ],
    ['a certificate for a line in the open', approvalPart, { DATABASE_TLS: '0' }, 'DATABASE_TLS'],
    ['development before everybody', approvalPart, { GATEHOUSE_DEV: '1' }, 'HOST'],
    ['the API’s audience for administration', approvalPart, audience('/fhir'), 'IDENTITY_AUDIENCE'],
    ['its own authorization server as the provider', tokenPart, issuer('/oauth'), 'IDENTITY_ISSUER'],
    ['keys of tokens in the open', gateway, { GATEWAY_JWKS_URL: 'http://keys.example.org/jwks' }, 'GATEWAY_JWKS_URL'],
    ['patients’ data in the open', gateway, { FHIR_UPSTREAM_URL: 'http://fhir.example.org' }, 'FHIR_UPSTREAM_URL'],
    ['one endpoint and several', gateway, { FHIR_ENDPOINTS: '/etc/endpoints.json' }, 'FHIR_ENDPOINTS'],
    [
      'answers that no memory would hold',
      gateway,
      { GATEWAY_UPSTREAM_MAX_BYTES: '200000000', GATEWAY_BODY_MEMORY: '100000000' },
      'GATEWAY_BODY_MEMORY',
    ],
    ['a key service without its token', tokenPart, { TOKEN_KMS_URL: 'https://kms.example.org' }, 'TOKEN_KMS_TOKEN'],
    [
      'a vault’s key service without its token',
      auditPart,
      { VAULT_KMS_URL: 'https://kms.example.org' },
      'VAULT_KMS_TOKEN',
    ],
    [
      'a mail server and a sender who is nobody',
      registrationPart,
      { SMTP_URL: 'smtps://mail.example.org' },
      'NOTICE_FROM',
    ],
    ['a secret twice', auditPart, { VAULT_KEY_FILE: '/run/secrets/vault-key' }, 'VAULT_KEY'],
  ];
  it.each(contradictions)('refuses %s', (_, part, given, variable) => {
    expect(faultsOf(part, { ...complete(part), ...given })?.faults.map((it) => it.variable)).toContain(variable);
  });
});

function audience(path: string): Environment {
  return { IDENTITY_AUDIENCE: `${PUBLIC_URL}${path}` };
}

function issuer(path: string): Environment {
  return { IDENTITY_ISSUER: `${PUBLIC_URL}${path}` };
}
