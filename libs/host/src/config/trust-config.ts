import { IsOptional, IsString } from 'class-validator';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { certificatesOf, pem, pemFaults } from './certificate-faults.js';
import { Setting, type ConfigFault, type ConfigSection } from './setting.js';

/** Whom a process trusts beside the public authorities. */
export class TrustConfig implements ConfigSection {
  @Setting('TLS_CA', {
    mustBe: pem('one or more certificates'),
    describe:
      'Authorities of your own, trusted beside the public ones wherever no other setting names the authorities of a server: the identity provider, the token service’s keys, key services, collectors of traces, the mail server, FHIR servers.',
    secret: true,
    byDefault: 'the public ones alone',
  })
  @IsOptional()
  @IsString()
  tlsCa?: string;

  faults(): readonly ConfigFault[] {
    const names = { ca: 'TLS_CA', cert: '', key: '' };
    return pemFaults({ ca: this.tlsCa, cert: undefined, key: undefined }, names).map(({ name, mustBe }) => ({
      variable: name,
      mustBe,
      given: '(not shown)',
    }));
  }

  /** Trusts them from now on, in the whole process: to be called before the first connection. */
  apply(): void {
    if (this.tlsCa === undefined) return;
    setDefaultCACertificates([...getCACertificates('default'), ...certificatesOf(this.tlsCa)]);
  }
}
