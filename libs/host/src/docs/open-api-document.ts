import type { INestApplication } from '@nestjs/common';
import * as openApi from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { completeAnswers } from './complete-answers.js';
import { describeRequestClasses } from './describe-request-classes.js';
import { sayWhatWasNoted } from './described.js';

const description = `The access lifecycle of third-party applications at a FHIR API.

What follows another specification is described there, errors included, and is not repeated here: \`/oauth\` and
\`/.well-known\` (OAuth 2.0, OpenID Connect, SMART App Launch; their metadata is at \`/.well-known/smart-configuration\`),
\`/fhir\` (FHIR R4; its CapabilityStatement is at \`/fhir/metadata\`), \`/ext-authz\` (NGINX \`auth_request\` and, below \`/ext-authz/envoy\`, Envoy’s HTTP
\`ext_authz\`, with any method),
\`/health\` and \`/metrics\` (Prometheus).

A request that cannot be read as HTTP is answered before any route is known: 400, 408 or 431, a problem document too. A method
that a resource does not have is answered 405 with \`Allow\`.`;

/** The OpenAPI 3.1 document of the application's controllers. */
export function openApiDocument(
  app: INestApplication,
  name: string,
  version: string,
  publicUrl: string,
): OpenAPIObject {
  sayWhatWasNoted(openApi);
  const requestClasses = describeRequestClasses(app);
  const config = new openApi.DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle(`Gatehouse: ${name}`)
    .setDescription(description)
    .setVersion(version)
    .addServer(publicUrl)
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token of the identity provider.' },
      'identity',
    )
    .build();
  const document = openApi.SwaggerModule.createDocument(app, config, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}`,
  });
  for (const name of requestClasses) {
    const schema = document.components?.schemas?.[name];
    // The server refuses fields that it does not know.
    if (schema !== undefined && !('$ref' in schema)) schema.additionalProperties = false;
  }
  completeAnswers(document);
  return document;
}
