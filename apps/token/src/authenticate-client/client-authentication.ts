import { errors, decodeJwt, jwtVerify, type JWTPayload, type JWTVerifyResult } from 'jose';
import type { AdmittedClient, AdmittedClients, AdmittedRequest } from './admitted-clients.js';
import { assertionAlgorithms, checkAssertion, clockTolerance, timesOf } from './assertion-rules.js';
import { clientSecretMatches } from './client-secrets.js';
import { materialOf } from './key-material.js';
import type { SpentAssertions } from './spent-assertions.js';

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A client that could not be authenticated; why is for the record, not for the caller. */
export class ClientRefused extends Error {
  override readonly name = 'ClientRefused';
  readonly code = 'invalid-client';
}

/** A request that says who sends it in no way that there is, or in several. */
export class ClientRequestMalformed extends Error {
  override readonly name = 'ClientRequestMalformed';
  readonly code = 'invalid-request';
}

/** A request to an endpoint of ours, as far as it says who sends it. */
export interface ClientRequest {
  readonly form: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
}

/**
 * Who a client is (RFC 6749, 2.3; RFC 7523, 2.2), for endpoints of our own, by the rules that the token endpoint has:
 * each client in the one way that it registered, and in no other.
 */
export class ClientAuthentication {
  constructor(
    private readonly clients: AdmittedClients,
    private readonly spent: Pick<SpentAssertions, 'spend'>,
    /** What `aud` may be: the issuer, the token endpoint, and the endpoints that are called. */
    private readonly audiences: readonly string[],
  ) {}

  /** @throws ClientRefused, ClientRequestMalformed, NotServing, DatabaseUnavailable */
  async authenticate({ form, authorization }: ClientRequest): Promise<AdmittedRequest> {
    const { client_assertion: assertion, client_secret: secret, client_id: named } = form;
    if ([authorization, assertion, secret].filter((it) => it !== undefined).length > 1)
      throw new ClientRequestMalformed('there is more than one way in it to say who the client is');
    if (assertion !== undefined) return this.byAssertion(form);
    const basic = authorization === undefined ? undefined : readBasic(authorization);
    if (basic !== undefined && named !== undefined && named !== basic.clientId)
      throw new ClientRequestMalformed('there are two client_ids in it');
    const clientId = basic?.clientId ?? named;
    const access = typeof clientId === 'string' ? this.clients.open(clientId) : undefined;
    if (access === undefined) throw new ClientRefused('not a client with open access');
    const given = basic?.secret ?? secret;
    if (given === undefined) {
      if (access.clientType !== 'public') throw new ClientRefused('a confidential client has to show who it is');
      return { access };
    }
    if (access.clientType !== 'confidential-symmetric' || typeof given !== 'string')
      throw new ClientRefused('not a client with a secret');
    if (!clientSecretMatches(given, access.secrets, Date.now())) throw new ClientRefused('the secret is wrong');
    return { access };
  }

  private async byAssertion(form: ClientRequest['form']): Promise<AdmittedClient> {
    const { client_assertion_type: type, client_assertion: assertion, client_id: named } = form;
    if (type !== assertionType || typeof assertion !== 'string')
      throw new ClientRequestMalformed(`client_assertion_type must be ${assertionType}`);
    const clientId = decoded(() => decodeJwt(assertion)).sub;
    if (clientId === undefined) throw new ClientRefused('the assertion has no subject');
    if (named !== undefined && named !== clientId)
      throw new ClientRequestMalformed('client_id is not the assertion’s subject');
    const client = await this.clients.admit(clientId, assertion);
    if (client === undefined) throw new ClientRefused('not a client with open access and one key of that name');
    const { payload, protectedHeader } = await this.verified(assertion, client);
    const checked = checkAssertion(protectedHeader, payload, timesOf(client.access));
    if (!checked.ok) throw new ClientRefused(checked.fault);
    if (!(await this.spent.spend(checked.assertion)))
      throw new ClientRefused('the assertion was used before, or made before the replay guard was');
    return client;
  }

  private async verified(assertion: string, { access, key }: AdmittedClient): Promise<JWTVerifyResult> {
    try {
      const algorithms = [...assertionAlgorithms];
      return await jwtVerify(assertion, await materialOf(key), {
        algorithms,
        audience: [...this.audiences],
        issuer: access.clientId,
        clockTolerance,
      });
    } catch (cause) {
      throw new ClientRefused('the assertion does not verify', { cause });
    }
  }
}

function decoded(read: () => JWTPayload): JWTPayload {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof errors.JOSEError) throw new ClientRequestMalformed('client_assertion is no JWT', { cause });
    throw cause;
  }
}

/** `Authorization: Basic`, its parts form-encoded (RFC 6749, 2.3.1). */
function readBasic(header: string): { readonly clientId: string; readonly secret: string } {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  const [clientId, ...secret] = Buffer.from(encoded ?? '', 'base64')
    .toString('utf8')
    .split(':');
  if (clientId === undefined || clientId === '' || secret.length === 0)
    throw new ClientRequestMalformed('the Authorization header is not Basic');
  return { clientId: formDecoded(clientId), secret: formDecoded(secret.join(':')) };
}

function formDecoded(text: string): string {
  return new URLSearchParams(`it=${text.replaceAll('&', '%26')}`).get('it') ?? '';
}
