import { coversEndpoint } from '#access';
import { derivedIdBeside } from '#contracts';
import { FhirConfig } from '#fhir-endpoints';
import { VAULT } from '#host';
import type { Scope } from '#smart';
import type { Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { askedScopes, names } from '../ask-authorization/asked-scopes.js';
import { keptScope } from '../ask-authorization/request-rules.js';
import { AdmittedClients } from '../authenticate-client/admitted-clients.js';
import type { AgreedGrant } from '../authorization-server/authorization-server.js';
import type { Person } from '../sign-in/person-sessions.js';
import { TokenConfig } from '../token.config.js';
import { agreedScopes, askedViews } from './consent-view.js';
import { GrantEvents } from './grant-events.js';
import { LaunchContexts, type EstablishedContext } from './launch-context.js';
import {
  actionOf,
  applicationOf,
  refused,
  signIn,
  textOf,
  type Asking,
  type PendingRequest,
  type Step,
} from './pending-request.js';
import { UserChoices } from './user-choices.js';
import { UserGrants, type GrantDuration, type UserGrant } from './user-grants.js';

/** What was posted from a consent page. */
export interface Decision {
  readonly allow: boolean;
  readonly scopes: readonly string[];
  readonly offline: boolean;
}

/** A request about which the user can be asked. */
interface Ready extends Asking {
  readonly kind: 'ready';
  readonly established: EstablishedContext;
}

/** How long a grant waits for its code to be redeemed, in seconds. */
const unredeemedLife = 600;

/**
 * What a user is asked between the authorization request and the code: sign-in, the context of the launch, the consent.
 * Every step is decided anew from the request and what was chosen, so that none can be skipped.
 */
@Injectable()
export class ConsentFlow {
  constructor(
    private readonly clients: AdmittedClients,
    private readonly contexts: LaunchContexts,
    private readonly choices: UserChoices,
    private readonly grants: UserGrants,
    private readonly events: GrantEvents,
    private readonly config: TokenConfig,
    private readonly fhir: FhirConfig,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** @throws NotServing, DatabaseUnavailable, VaultUnavailable, RightsUnavailable */
  async next(request: PendingRequest, person: Person | undefined): Promise<Step> {
    const ready = await this.prepare(request, person);
    if (ready.kind !== 'ready') return ready;
    const { access, asked, established } = ready;
    const user = await this.vault.lookupSubject(ready.person.userId);
    return {
      kind: 'page',
      view: {
        page: 'consent',
        form: { action: actionOf(request, 'consent'), csrf: ready.person.csrf },
        application: applicationOf(access),
        approval: { by: this.config.brandName, until: access.expiresAt },
        user: user?.name === undefined ? {} : { name: user.name },
        ...(established.patient === undefined ? {} : { patient: established.patient }),
        ...askedViews(asked),
        ...(names(asked, 'offline_access') ? { offline: { days: this.config.refreshDays } } : {}),
      },
    };
  }

  /**
   * What the user decided: the grant, once the log has it.
   *
   * @throws NotServing, NotAppended, DatabaseUnavailable, VaultUnavailable, RightsUnavailable
   */
  async decide(request: PendingRequest, person: Person, decision: Decision): Promise<AgreedGrant | Step> {
    const ready = await this.prepare(request, person);
    if (ready.kind !== 'ready') return ready;
    if (!decision.allow) return refused('access_denied', 'the user declined');
    const scopes = agreedScopes(ready.asked, decision.scopes, decision.offline);
    if (scopes.length === 0) return refused('access_denied', 'the user agreed to nothing');
    const grant = await this.grantOf(ready, scopes);
    if (!(await this.grants.keep(grant, unredeemedLife))) return signIn(true);
    await this.events.consented(grant, ready.access.approvalVersion, grant.grantId);
    const { launch } = ready.established;
    return { grantId: grant.grantId, userId: grant.userId, ...(launch === undefined ? {} : { launch }) };
  }

  private async grantOf(
    { request, access, endpoint, person, established }: Ready,
    scopes: readonly string[],
  ): Promise<UserGrant & { readonly session: Buffer }> {
    const { context, otherPatients, fhirUser, patient } = established;
    const { nonce } = request.params;
    const subject = patient && (await this.vault.subjectId(endpoint.base, `Patient/${patient.id}`));
    const { userId } = person;
    const about = {
      ...context,
      endpoint: endpoint.id,
      ...(patient === undefined ? {} : { patient: patient.id }),
      ...(subject === undefined ? {} : { patientId: subject }),
      ...(otherPatients.length === 0 ? {} : { otherPatients }),
      ...(fhirUser === undefined ? {} : { fhirUser }),
      ...(typeof nonce === 'string' ? { nonce } : {}),
    };
    // Agreeing twice to the same is one grant. Another user, another patient, other scopes: another, or the first one's would be used.
    const agreed = JSON.stringify([request.uid, userId, scopes, about]);
    return {
      grantId: derivedIdBeside(access.applicationId, agreed, request.startedAt * 1000),
      applicationId: access.applicationId,
      clientId: access.clientId,
      userId,
      scopes,
      duration: durationOf(scopes),
      context: about,
      session: person.session,
    };
  }

  private async prepare(request: PendingRequest, person: Person | undefined): Promise<Ready | Step> {
    const access = this.clients.open(textOf(request.params['client_id']) ?? '');
    if (access === undefined) return refused('unauthorized_client', 'the application has no access now');
    const endpoint = this.fhir.endpoints.withBase(textOf(request.params['aud']));
    if (endpoint === undefined) return refused('invalid_request', 'aud is not a FHIR server of this issuer');
    if (!coversEndpoint(access, endpoint.id))
      return refused('invalid_scope', 'the approval does not cover this endpoint');
    const asked = askedScopes(textOf(request.params[keptScope]) ?? '', access.scopes);
    if (!asked.ok) return refused('invalid_scope', asked.fault);
    if (person === undefined) return signIn(false);
    if (await this.mustSignInAgain(request, person)) return signIn(true);
    const asking: Asking = { request, access, endpoint, person, asked: asked.scopes };
    const established = await this.contexts.establish(asking);
    if (established.kind !== 'established') return established;
    return { kind: 'ready', ...asking, asked: withoutUnmet(asked.scopes, established.launch), established };
  }

  /** OpenID Connect Core 1.0, 3.1.2.1: `prompt` and `max_age`. */
  private async mustSignInAgain(request: PendingRequest, { signedInAt }: Person): Promise<boolean> {
    const prompts = textOf(request.params['prompt'])?.split(' ') ?? [];
    const maxAge = Number(request.params['max_age'] ?? Infinity);
    if (signedInAt.getTime() + maxAge * 1000 < Date.now()) return true;
    if (!prompts.includes('login')) return false;
    const { askedAgain } = await this.choices.of(request);
    return askedAgain === undefined || signedInAt < askedAgain;
  }
}

/** `launch` without a launch brings nothing. */
function withoutUnmet(asked: readonly Scope[], launch: string | undefined): readonly Scope[] {
  return launch === undefined ? asked.filter((scope) => scope.kind !== 'launch' || scope.name !== 'launch') : asked;
}

function durationOf(scopes: readonly string[]): GrantDuration {
  if (scopes.includes('offline_access')) return 'offline';
  return scopes.includes('online_access') ? 'online' : 'once';
}
