import { BaseConfig, Setting, type ConfigFault, type ConfigSection } from '#host';
import { IsBoolean } from 'class-validator';

/** Settings of the token service. */
export class TokenConfig implements ConfigSection {
  @Setting('TOKEN_JWKS_ALLOW_LOOPBACK', {
    mustBe: '1 or 0, and 1 in development alone',
    describe: 'Development: clients’ key sets may be fetched over plain http and from loopback addresses.',
  })
  @IsBoolean()
  jwksAllowLoopback: boolean = false;

  faults(base: object): readonly ConfigFault[] {
    const development = base instanceof BaseConfig && base.development;
    return this.jwksAllowLoopback && !development
      ? [{ variable: 'TOKEN_JWKS_ALLOW_LOOPBACK', mustBe: '0 outside development', given: '1' }]
      : [];
  }
}
