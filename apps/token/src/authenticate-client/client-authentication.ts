import { errors, decodeJwt, importJWK, jwtVerify, type JWTPayload, type JWTVerifyResult } from 'jose';
import type { AdmittedClient, AdmittedClients } from './admitted-clients.js';
import { assertionAlgorithms, checkAssertion, clockTolerance } from './assertion-rules.js';
import type { SpentAssertions } from './spent-assertions.js';

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A client that could not be authenticated; why is for the record, not for the caller. */
export class ClientRefused extends Error {
  override readonly name = 'ClientRefused';
  readonly code = 'invalid-client';
}

/** `private_key_jwt` (RFC 7523, 2.2) for endpoints of our own, by the rules that the token endpoint has. */
export class ClientAuthentication {
  constructor(
    private readonly clients: AdmittedClients,
    private readonly spent: Pick<SpentAssertions, 'spend'>,
    /** What `aud` may be: the issuer, the token endpoint, and the endpoint that is called. */
    private readonly audiences: readonly string[],
  ) {}

  /** @throws ClientRefused, NotServing, DatabaseUnavailable */
  async authenticate(form: Readonly<Record<string, unknown>>): Promise<AdmittedClient> {
    const { client_assertion_type: type, client_assertion: assertion, client_id: named } = form;
    if (type !== assertionType || typeof assertion !== 'string') throw new ClientRefused('no client assertion');
    const clientId = decoded(() => decodeJwt(assertion)).sub;
    if (clientId === undefined || (named !== undefined && named !== clientId))
      throw new ClientRefused('client_id is not the assertion’s subject');
    const client = await this.clients.admit(clientId, assertion);
    if (client === undefined) throw new ClientRefused('not a client with open access and one key of that name');
    const { payload, protectedHeader } = await this.verified(assertion, client);
    const checked = checkAssertion(protectedHeader, payload, Date.now() / 1000);
    if (!checked.ok) throw new ClientRefused(checked.fault);
    if (!(await this.spent.spend(checked.assertion)))
      throw new ClientRefused('the assertion was used before, or made before the replay guard was');
    return client;
  }

  private async verified(assertion: string, { access, key }: AdmittedClient): Promise<JWTVerifyResult> {
    try {
      const algorithms = [...assertionAlgorithms];
      const material = await importJWK({ ...key.jwk }, key.jwk['kty'] === 'RSA' ? 'RS384' : 'ES384');
      return await jwtVerify(assertion, material, {
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
    if (cause instanceof errors.JOSEError) throw new ClientRefused('the assertion is no JWT', { cause });
    throw cause;
  }
}
