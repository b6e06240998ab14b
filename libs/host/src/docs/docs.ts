import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { describeRequestClasses } from './describe-request-classes.js';

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
    .setDescription('The access lifecycle of third-party applications at a FHIR API.')
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
