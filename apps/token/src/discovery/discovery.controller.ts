import {
  authorizationServerMetadata,
  brandsPath,
  openidConfiguration,
  smartConfiguration,
  userAccessBrands,
  type AuthorizationServerMetadata,
  type OpenidConfiguration,
  type SmartConfiguration,
} from '#smart';
import { FhirConfig } from '#fhir-endpoints';
import { ApiExcludeController, BaseConfig, notFound, Public } from '#host';
import { Controller, Get, Header, Options, HttpCode, Param } from '@nestjs/common';
import { TokenConfig } from '../token.config.js';
import { smartStyle, smartStyleName } from './smart-style.js';

/** What clients read before they come: any origin may. */
@Controller('.well-known')
@ApiExcludeController()
@Public()
export class DiscoveryController {
  private readonly since = new Date().toISOString();

  constructor(
    private readonly base: BaseConfig,
    private readonly config: TokenConfig,
    private readonly fhir: FhirConfig,
  ) {}

  /** SMART App Launch 2.2, Conformance; the gateway serves the same below the FHIR base. */
  @Get('smart-configuration')
  @Header('access-control-allow-origin', '*')
  smart(): SmartConfiguration {
    return smartConfiguration(this.base.publicUrl);
  }

  /** Who runs this service, and at which FHIR endpoints (SMART App Launch 2.2, User-access Brands and Endpoints). */
  @Get('user-access-brands')
  @Header('access-control-allow-origin', '*')
  @Header('content-type', 'application/fhir+json')
  @Header('cache-control', 'public, max-age=300')
  brands(): object {
    const { publicUrl } = this.base;
    const { brandName: name, brandWebsite: website = publicUrl } = this.config;
    const at = { location: publicUrl + brandsPath, timestamp: this.since };
    return userAccessBrands({ name, website }, this.fhir.endpoints.all, at);
  }

  /** `smart_style_url` of token responses, where none is configured. */
  @Get('smart-style/:name')
  @Header('access-control-allow-origin', '*')
  @Header('content-type', 'application/json')
  @Header('cache-control', 'public, max-age=86400, immutable')
  style(@Param('name') name: string): string {
    if (name !== smartStyleName) throw notFound();
    return smartStyle;
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

  @Options([
    'smart-configuration',
    'smart-style/:name',
    'user-access-brands',
    'oauth-authorization-server',
    'openid-configuration',
  ])
  @HttpCode(204)
  @Header('access-control-allow-origin', '*')
  @Header('access-control-allow-methods', 'GET')
  @Header('access-control-allow-headers', '*')
  @Header('access-control-max-age', '3600')
  preflight(): void {}
}
