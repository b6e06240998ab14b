import { BaseConfig } from '#host';
import { announcement } from './announcement.js';

function serviceWith(settings: Partial<BaseConfig>) {
  const base = Object.assign(new BaseConfig(), { publicUrl: 'http://127.0.0.1:8080' }, settings);
  return { config: { get: () => base as never } };
}

describe('the line that says that all is ready', () => {
  it('is one line with the addresses and the sign-ins in development', () => {
    const line = announcement(serviceWith({ development: true }));

    expect(line).not.toContain('\n');
    expect(line).toContain('http://127.0.0.1:8080/fhir');
    expect(line).toContain('operator@example.org');
    expect(line).toContain('http://127.0.0.1:8080/sandbox/ehr');
  });

  it('names no password and no development command elsewhere', () => {
    const line = announcement(serviceWith({ development: false, identityIssuer: 'https://id.example.org' }));

    expect(line).toContain('https://id.example.org');
    expect(line).not.toMatch(/password|npx gatehouse token|sandbox/);
  });
});
