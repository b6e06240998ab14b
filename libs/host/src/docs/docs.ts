import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { completeAnswers } from './complete-answers.js';
import { describeRequestClasses } from './describe-request-classes.js';

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
  const requestClasses = describeRequestClasses(app);
  const config = new DocumentBuilder()
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
  const document = SwaggerModule.createDocument(app, config, {
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

/** Serves `/docs` (Swagger UI from its package, no other host) and `/docs/openapi.json`. */
export function serveDocs(app: INestApplication, document: () => OpenAPIObject): void {
  SwaggerModule.setup('docs', app, document, {
    jsonDocumentUrl: 'docs/openapi.json',
    raw: ['json'],
    customSiteTitle: 'Gatehouse',
  });
}
