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

/** What nobody means by any setting, and a few that are right for one and wrong for another. */
const ODD = ['?', '-1', '1e9', '0', 'a,,b', '{', 'http://', 'ftp://x/', 'https://user@host/path?query#fragment', '😀'];

function faultsOf(part: ServicePart, environment: Environment): ConfigError {
  try {
    loadConfig(part, configClassesOf(part), environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('this configuration is accepted');
}

describe('a start with faults in its settings', () => {
  it.each(services)('%s with nothing set names all that it needs, and makes nothing up', (_, part) => {
    const { faults, message } = faultsOf(part, {});
    const named = faults.map(({ variable }) => variable);
    expect(named).toEqual(expect.arrayContaining(['KAFKA_BROKERS', 'DATABASE_URL', 'PUBLIC_URL', 'VAULT_KEY']));
    expect(new Set(named).size).toBe(named.length);
    expect(message).not.toMatch(/undefined|NaN|\[object/);
  });

  it.each(services)('%s says what is wrong whatever one of its settings holds', (_, part) => {
    const known = configClassesOf(part).flatMap((section) => settingsOf(section).map(({ variable }) => variable));
    for (const variable of known)
      for (const odd of ODD) expect(faultsOf(part, { [variable]: odd }).faults.length).toBeGreaterThan(0);
  });

  it.each(services)('%s says it of all of them at once', (_, part) => {
    const known = configClassesOf(part).flatMap((section) => settingsOf(section).map(({ variable }) => variable));
    const { faults } = faultsOf(part, Object.fromEntries(known.map((variable) => [variable, '?'])));
    expect(faults.length).toBeGreaterThan(known.length / 2);
  });
});
