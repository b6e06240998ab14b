import { BaseConfig, type ConfigSection, Setting } from '#host';
import { oauthPaths } from '#smart';
import { IsInt, Matches, Max, Min } from 'class-validator';

/** The settings of the gateway alone. */
export class GatewayConfig implements ConfigSection {
  @Setting('GATEWAY_JWKS_URL', {
    mustBe: 'the http(s) URL of the token service’s keys',
    describe: 'Where the keys are that access tokens are signed with.',
    byDefault: '`PUBLIC_URL`/oauth/jwks',
  })
  @Matches(/^https?:\/\/[^?#@\s]+$/)
  jwksUrl: string;

  @Setting('GATEWAY_UPSTREAM_TIMEOUT', {
    mustBe: 'a number of seconds from 1 to 120',
    describe: 'How long the FHIR server may take to answer, in seconds.',
  })
  @IsInt()
  @Min(1)
  @Max(120)
  upstreamTimeout: number = 30;

  @Setting('GATEWAY_UPSTREAM_MAX_BYTES', {
    mustBe: 'a number of bytes from 65536 to 268435456',
    describe: 'The largest answer that is taken from the FHIR server, in bytes.',
  })
  @IsInt()
  @Min(65_536)
  @Max(268_435_456)
  upstreamMaxBytes: number = 33_554_432;

  complete(_service: object, base: object): void {
    const given: { readonly jwksUrl?: string | undefined } = { ...this };
    if (given.jwksUrl === undefined && base instanceof BaseConfig) this.jwksUrl = base.publicUrl + oauthPaths.jwks;
  }
}
