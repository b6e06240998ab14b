import type { IncomingMessage, ServerResponse } from 'node:http';
import { decideInteraction, type Enforced, readRequest, smartConfiguration } from '#smart';
import type { SupportedWrites } from '../write/write-support.js';
import { capabilityStatement } from './capability-statement.js';

interface Document {
  readonly contentType: string;
  readonly body: Buffer;
}

/** What everybody may read of the FHIR API, from any origin and without a token. */
export class Conformance {
  #capabilities: Document | undefined;
  /** What the capabilities were said for. */
  #said: SupportedWrites | undefined;
  readonly #smart: Document;

  /** @param supported what was found out by now of what the FHIR server keeps of writes */
  constructor(
    private readonly publicUrl: string,
    private readonly base: string,
    private readonly startedAt: string,
    private readonly enforced: Enforced,
    private readonly supported: () => SupportedWrites | undefined,
  ) {
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
          ? this.#capabilitiesNow()
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

  /** Made anew when more is known of the FHIR server. */
  #capabilitiesNow(): Document {
    const supported = this.supported();
    if (this.#capabilities && this.#said === supported) return this.#capabilities;
    const since = supported ? new Date().toISOString() : this.startedAt;
    this.#said = supported;
    return (this.#capabilities = {
      contentType: 'application/fhir+json; charset=utf-8',
      body: json(capabilityStatement(this.publicUrl, this.base, since, this.enforced, supported)),
    });
  }

  #asksForCapabilities(method: string, path: string, query: string, headers: IncomingMessage['headers']): boolean {
    const interaction = readRequest({ method, path, query, headers });
    return interaction.kind === 'capabilities' && decideInteraction([], interaction).outcome === 'allow';
  }
}

function json(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}
