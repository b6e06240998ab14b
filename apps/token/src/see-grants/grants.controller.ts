import { FhirConfig } from '#fhir-endpoints';
import { ApiExcludeController, Consumes, forbidden, notFound, Public, VAULT } from '#host';
import { oauthPaths } from '#smart';
import type { Vault } from '#vault';
import { Body, Controller, Get, Headers, Inject, Post, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AdmittedClients } from '../authenticate-client/admitted-clients.js';
import { allowedBy } from '../consent/consent-view.js';
import { GrantEvents } from '../consent/grant-events.js';
import { sameText } from '../consent/same-text.js';
import { UserGrants, type UsedGrant } from '../consent/user-grants.js';
import { PageErrors } from '../pages/page-errors.filter.js';
import { sendPage } from '../pages/send-page.js';
import type { GrantsView, GrantView, WithdrawnView } from '../pages/view-models.js';
import { PATIENT_RIGHTS, type PatientRightsOf } from '../see-patients/patient-rights.js';
import { PersonSessions, type Person } from '../sign-in/person-sessions.js';
import { TokenConfig } from '../token.config.js';
import { GrantReceipts } from './grant-receipts.js';

type Form = Readonly<Record<string, unknown>> | undefined;

/** A person sees whom they let in, and sends them away: SMART's `management_endpoint`. */
@Controller(oauthPaths.grants)
@ApiExcludeController()
@Public()
@UseFilters(PageErrors)
export class GrantsController {
  constructor(
    private readonly sessions: PersonSessions,
    private readonly grants: UserGrants,
    private readonly events: GrantEvents,
    private readonly receipts: GrantReceipts,
    private readonly clients: AdmittedClients,
    @Inject(PATIENT_RIGHTS) private readonly rights: PatientRightsOf,
    private readonly fhir: FhirConfig,
    private readonly config: TokenConfig,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  @Get()
  async see(@Headers('cookie') cookies: string | undefined, @Res() reply: FastifyReply): Promise<void> {
    const person = await this.sessions.current(cookies);
    if (person === undefined) {
      const begun = await this.sessions.begin(oauthPaths.grants, false);
      await reply
        .status(303)
        .headers({ location: begun.url, 'set-cookie': [...begun.cookies] })
        .send();
      return;
    }
    await sendPage(reply, await this.view(person));
  }

  /** Withdraws one grant; answered when it is in force everywhere. */
  @Post('withdrawals')
  @Consumes('application/x-www-form-urlencoded')
  async withdraw(
    @Headers('cookie') cookies: string | undefined,
    @Body() form: Form,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const person = await this.sender(cookies, form);
    const grant = (await this.grants.ofUser(person.userId)).find(({ grantId }) => grantId === form?.['grant']);
    if (grant === undefined) throw notFound();
    const ended = await this.events.revoke(grant, 'withdrawn', person.userId);
    const receipt = await this.receipts.of(grant.applicationId, ended);
    const applicationName = this.nameOf(grant);
    const withdrawn: WithdrawnView | undefined = receipt && {
      applicationName,
      enforcedAt: receipt.enforcedAt,
      points: receipt.enforcementPoints.length,
      outstanding: receipt.outstanding.length,
    };
    await sendPage(reply, await this.view(person, withdrawn));
  }

  @Post('sign-out')
  @Consumes('application/x-www-form-urlencoded')
  async signOut(
    @Headers('cookie') cookies: string | undefined,
    @Body() form: Form,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const person = await this.sender(cookies, form);
    reply.header('set-cookie', await this.sessions.end(person.session));
    await sendPage(reply, { page: 'notice', status: 200, notice: 'signed-out' });
  }

  private async sender(cookies: string | undefined, form: Form): Promise<Person> {
    const person = await this.sessions.current(cookies);
    const csrf = form?.['csrf'];
    if (person === undefined || typeof csrf !== 'string' || !sameText(csrf, person.csrf))
      throw forbidden('The form did not come from this page, or you are not signed in any more.');
    return person;
  }

  private async view(person: Person, withdrawn?: WithdrawnView): Promise<GrantsView> {
    const user = await this.vault.lookupSubject(person.userId);
    const grants = await this.grants.ofUser(person.userId);
    return {
      page: 'grants',
      withdraw: { action: `${oauthPaths.grants}/withdrawals`, csrf: person.csrf },
      signOut: { action: `${oauthPaths.grants}/sign-out`, csrf: person.csrf },
      user: user?.name === undefined ? {} : { name: user.name },
      grants: await Promise.all(grants.map((grant) => this.viewOf(grant))),
      ...(withdrawn === undefined ? {} : { withdrawn }),
    };
  }

  private async viewOf(grant: UsedGrant): Promise<GrantView> {
    const { patient: id, fhirUser } = grant.context;
    const endpoint = this.fhir.endpoints.withId(grant.context.endpoint);
    const patient =
      id === undefined || fhirUser === undefined || endpoint === undefined
        ? undefined
        : await this.rights.at(endpoint).patientFor(fhirUser, id);
    const access = this.clients.open(grant.clientId);
    return {
      grantId: grant.grantId,
      applicationName: access?.name,
      ...(access === undefined ? {} : { approval: { by: this.config.brandName, until: access.expiresAt } }),
      allowed: allowedBy(grant.scopes),
      ...(patient === undefined ? {} : { patient }),
      consentedAt: grant.consentedAt.toISOString(),
      lastUsedAt: grant.lastUsedAt.toISOString(),
      expiresAt: grant.expiresAt.toISOString(),
    };
  }

  /** Undefined for an application whose access is closed. */
  private nameOf({ clientId }: UsedGrant): string | undefined {
    return this.clients.open(clientId)?.name;
  }
}
