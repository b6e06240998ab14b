import {
  authorizationServerMetadata,
  openidConfiguration,
  smartConfiguration,
  type AuthorizationServerMetadata,
  type OpenidConfiguration,
  type SmartConfiguration,
} from '#smart';
import { BaseConfig, Public } from '#host';
import { Controller, Get, Header, Options, HttpCode } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

/** What clients read before they come: any origin may. */
@Controller('.well-known')
@ApiExcludeController()
@Public()
export class DiscoveryController {
  constructor(private readonly base: BaseConfig) {}

  /** SMART App Launch 2.2, Conformance; the gateway serves the same below the FHIR base. */
  @Get('smart-configuration')
  @Header('access-control-allow-origin', '*')
  smart(): SmartConfiguration {
    return smartConfiguration(this.base.publicUrl);
  }

  /** RFC 8414. */
  @Get('oauth-authorization-server')
  @Header('access-control-allow-origin', '*')
  oauth(): AuthorizationServerMetadata {
    return authorizationServerMetadata(this.base.publicUrl);
  }

  /** OpenID Connect Discovery 1.0, 4. */
  @Get('openid-configuration')
  @Header('access-control-allow-origin', '*')
  openid(): OpenidConfiguration {
    return openidConfiguration(this.base.publicUrl);
  }

  @Options(['smart-configuration', 'oauth-authorization-server', 'openid-configuration'])
  @HttpCode(204)
  @Header('access-control-allow-origin', '*')
  @Header('access-control-allow-methods', 'GET')
  @Header('access-control-allow-headers', '*')
  @Header('access-control-max-age', '3600')
  preflight(): void {}
}
