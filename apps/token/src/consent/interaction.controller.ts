import { ApiExcludeController, Consumes, forbidden, Public } from '#host';
import { Body, Controller, Get, Headers, Post, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { InteractionResults } from 'oidc-provider';
import { TokenEndpoint } from '../authorization-server/token-endpoint.js';
import { PageErrors } from '../pages/page-errors.filter.js';
import { sendPage } from '../pages/send-page.js';
import { PersonSessions, type Person } from '../sign-in/person-sessions.js';
import { sameText } from './same-text.js';
import { ConsentFlow } from './consent-flow.js';
import { textOf, type PendingRequest, type Step } from './pending-request.js';
import { UserChoices } from './user-choices.js';

type Form = Readonly<Record<string, unknown>> | undefined;

/** A user between the authorization request and its answer. The request is bound to the browser by the provider's cookie. */
@Controller('oauth/interaction/:uid')
@ApiExcludeController()
@Public()
@UseFilters(PageErrors)
export class InteractionController {
  constructor(
    private readonly endpoint: TokenEndpoint,
    private readonly sessions: PersonSessions,
    private readonly flow: ConsentFlow,
    private readonly choices: UserChoices,
  ) {}

  @Get()
  async see(
    @Req() request: FastifyRequest,
    @Headers('cookie') cookies: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const pending = await this.pending(request, reply);
    await this.answer(request, reply, pending, await this.flow.next(pending, await this.sessions.current(cookies)));
  }

  @Post('patient')
  @Consumes('application/x-www-form-urlencoded')
  async patient(
    @Req() request: FastifyRequest,
    @Headers('cookie') cookies: string | undefined,
    @Body() form: Form,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const [pending] = await this.posted(request, reply, cookies, form);
    await this.choices.keep(pending, { patient: idIn(form, 'patient') });
    await redirect(reply, `/oauth/interaction/${pending.uid}`);
  }

  @Post('encounter')
  @Consumes('application/x-www-form-urlencoded')
  async encounter(
    @Req() request: FastifyRequest,
    @Headers('cookie') cookies: string | undefined,
    @Body() form: Form,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const [pending] = await this.posted(request, reply, cookies, form);
    await this.choices.keep(pending, { encounter: idIn(form, 'encounter') });
    await redirect(reply, `/oauth/interaction/${pending.uid}`);
  }

  @Post('consent')
  @Consumes('application/x-www-form-urlencoded')
  async consent(
    @Req() request: FastifyRequest,
    @Headers('cookie') cookies: string | undefined,
    @Body() form: Form,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const [pending, person] = await this.posted(request, reply, cookies, form);
    const decided = await this.flow.decide(pending, person, {
      allow: textIn(form, 'decision') === 'allow',
      scopes: textsIn(form, 'scope'),
      offline: textIn(form, 'duration') === 'offline',
    });
    if ('kind' in decided) return this.answer(request, reply, pending, decided);
    await this.finish(request, reply, {
      login: { accountId: decided.userId, remember: false, ts: Math.floor(person.signedInAt.getTime() / 1000) },
      consent: {},
      agreed: { ...decided },
    });
  }

  private async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    pending: PendingRequest,
    step: Step,
  ): Promise<void> {
    switch (step.kind) {
      case 'sign-in': {
        if (step.again) await this.choices.askedAgain(pending);
        const begun = await this.sessions.begin(`/oauth/interaction/${pending.uid}`, step.again);
        return redirect(reply, begun.url, begun.cookies);
      }
      case 'refused':
        return this.finish(request, reply, { error: step.error, error_description: step.description });
      case 'page':
        return sendPage(reply, step.view, {
          leadsTo: textOf(pending.params['redirect_uri']),
          uiLocales: textOf(pending.params['ui_locales']),
        });
      default:
        return step satisfies never;
    }
  }

  private async finish(request: FastifyRequest, reply: FastifyReply, result: InteractionResults): Promise<void> {
    const provider = this.endpoint.provider();
    await redirect(
      reply,
      await provider.interactionResult(request.raw, reply.raw, result, { mergeWithLastSubmission: false }),
    );
  }

  /** The request of this browser that a path names. Throws the provider's `SessionNotFound`. */
  private async pending(request: FastifyRequest, reply: FastifyReply): Promise<PendingRequest> {
    const { uid, params, iat } = await this.endpoint.provider().interactionDetails(request.raw, reply.raw);
    return { uid, params, startedAt: iat };
  }

  /** What a form of ours brought, and who sent it. */
  private async posted(
    request: FastifyRequest,
    reply: FastifyReply,
    cookies: string | undefined,
    form: Form,
  ): Promise<[PendingRequest, Person]> {
    const pending = await this.pending(request, reply);
    const person = await this.sessions.current(cookies);
    if (person === undefined || !sameText(textIn(form, 'csrf'), person.csrf))
      throw forbidden('The form did not come from this page, or you are not signed in any more.');
    return [pending, person];
  }
}

async function redirect(reply: FastifyReply, location: string, cookies: readonly string[] = []): Promise<void> {
  if (cookies.length > 0) reply.header('set-cookie', [...cookies]);
  await reply.status(303).headers({ location, 'cache-control': 'no-store' }).send();
}

/** The one value of a field; empty when it is missing or repeated. */
function textIn(form: Form, name: string): string {
  const value = form?.[name];
  return typeof value === 'string' ? value : '';
}

/** An id of FHIR; one that nobody has in the place of what is none. */
function idIn(form: Form, name: string): string {
  const value = textIn(form, name);
  return value === '' || /^[A-Za-z0-9.-]{1,64}$/.test(value) ? value : '-';
}

function textsIn(form: Form, name: string): readonly string[] {
  const value: unknown = form?.[name];
  return (Array.isArray(value) ? value : [value]).filter((it): it is string => typeof it === 'string');
}
