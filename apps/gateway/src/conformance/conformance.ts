import type { IncomingMessage, ServerResponse } from 'node:http';
import { decideInteraction, type Enforced, readRequest, smartConfiguration } from '#smart';
import { capabilityStatement } from './capability-statement.js';

interface Document {
  readonly contentType: string;
  readonly body: Buffer;
}

/** What everybody may read of the FHIR API, from any origin and without a token. */
export class Conformance {
  readonly #capabilities: Document;
  readonly #smart: Document;

  constructor(publicUrl: string, base: string, startedAt: string, enforced: Enforced) {
    this.#capabilities = {
      contentType: 'application/fhir+json; charset=utf-8',
      body: json(capabilityStatement(publicUrl, base, startedAt, enforced)),
    };
    this.#smart = { contentType: 'application/json', body: json(smartConfiguration(publicUrl)) };
  }

  /** Whether pages of any origin may read what stands at a path. */
  static isOpenToAll(path: string): boolean {
    return path === '/metadata' || path.startsWith('/.well-known/');
  }

  /** Answers when the request is for one of the documents. @returns whether it was */
  answer(
    { method = '', headers }: IncomingMessage,
    { path, query }: { readonly path: string; readonly query: string },
    response: ServerResponse,
  ): boolean {
    if (method !== 'GET' && method !== 'HEAD') return false;
    const document =
      path === '/.well-known/smart-configuration'
        ? this.#smart
        : this.#asksForCapabilities(method, path, query, headers)
          ? this.#capabilities
          : undefined;
    if (!document) return false;
    response.writeHead(200, {
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': 'public, max-age=300',
      'Content-Type': document.contentType,
      'Content-Length': document.body.length,
    });
    response.end(document.body);
    return true;
  }

  #asksForCapabilities(method: string, path: string, query: string, headers: IncomingMessage['headers']): boolean {
    const interaction = readRequest({ method, path, query, headers });
    return interaction.kind === 'capabilities' && decideInteraction([], interaction).outcome === 'allow';
  }
}

function json(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}
