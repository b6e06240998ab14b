import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type GenerateKeyPairResult, type JWK, SignJWT } from 'jose';
import { type Answer, type Call, send } from './http.js';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const ASSERTION_LIFE_S = 60;

/** The program that wants data: a SMART backend service with an ES384 key of its own. */
export class ClientApplication {
  private constructor(
    private readonly url: string,
    private readonly privateKey: GenerateKeyPairResult['privateKey'],
    /** What it registers: the public half of its key. */
    readonly publicKey: JWK,
  ) {}

  static async withNewKey(url: string): Promise<ClientApplication> {
    const { privateKey, publicKey } = await generateKeyPair('ES384');
    const jwk = { ...(await exportJWK(publicKey)), kid: randomUUID(), alg: 'ES384', use: 'sig' };
    return new ClientApplication(url, privateKey, jwk);
  }

  /** Asks for a token: client_credentials, proving itself by a signed assertion (SMART Backend Services). */
  async askForToken(clientId: string, scopes: readonly string[]): Promise<Answer> {
    return await send(this.tokenUrl, await this.tokenRequest(clientId, scopes));
  }

  get tokenUrl(): string {
    return `${this.url}/oauth/token`;
  }

  /** A request for a token: its assertion is spent with it. */
  async tokenRequest(clientId: string, scopes: readonly string[]): Promise<Call> {
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: 'ES384', typ: 'JWT', kid: this.publicKey.kid ?? '' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(this.tokenUrl)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${ASSERTION_LIFE_S} s`)
      .sign(this.privateKey);
    return {
      form: {
        grant_type: 'client_credentials',
        scope: scopes.join(' '),
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: assertion,
      },
    };
  }

  /** Calls the FHIR API; `path` is below the base, for example `Patient/patient-01`. */
  async fhir(path: string, token: string): Promise<Answer> {
    return await send(`${this.url}/fhir/${path}`, { token, headers: { accept: 'application/fhir+json' } });
  }
}
