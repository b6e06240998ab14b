import { randomUUID } from 'node:crypto';
import { importJWK, type JWK, SignJWT } from 'jose';
import { serialiseScopes } from '#smart';
import type { ToldIdentity } from '../../ask-rights/call-rights.js';
import type { UserCall } from '../user-rights.js';

/** How long what is told counts, and how long it is used: seconds, milliseconds. */
const LIFE_S = 60;
const USED_MS = 30_000;

/** The `typ` of what is told, so that it is taken for no other token. */
const TYPE = 'gatehouse-user+jwt';

/** Says to a FHIR server who acts in a call: a JWT of this gateway, for that server alone. */
export class IdentitySigner {
  #key: ReturnType<typeof importJWK> | undefined;

  constructor(
    private readonly options: {
      /** A private JWK with `kid` and `alg`. */
      readonly key: JWK;
      /** Our FHIR base, without a slash at its end. */
      readonly issuer: string;
      readonly audience: string;
      /** The header that it stands in, in lower case. */
      readonly header: string;
    },
  ) {}

  /** What is told in all requests of one call; made anew when a call lasts longer than it counts. */
  of(call: UserCall): ToldIdentity {
    let made: { readonly value: Promise<string> | string; readonly atMs: number } | undefined;
    return {
      header: this.options.header,
      value: () => {
        if (made && performance.now() - made.atMs < USED_MS) return made.value;
        const atMs = performance.now();
        const signing = this.#sign(call).then((value) => {
          made = { value, atMs };
          return value;
        });
        made = { value: signing, atMs };
        return signing;
      },
    };
  }

  async #sign({ user, claims, purposesOfUse }: UserCall): Promise<string> {
    const { key, issuer, audience } = this.options;
    const { alg = '', kid = '' } = key;
    this.#key ??= importJWK(key, alg);
    const { subject, clientId, applicationId, patient, scopes } = claims;
    return await new SignJWT({
      fhirUser: `${issuer}/${user.type}/${user.id}`,
      client_id: clientId,
      gatehouse_application: applicationId,
      scope: serialiseScopes(scopes),
      purpose_of_use: [...purposesOfUse],
      ...(patient === undefined ? {} : { patient }),
    })
      .setProtectedHeader({ alg, kid, typ: TYPE })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(subject)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${LIFE_S} s`)
      .sign(await this.#key);
  }
}
