import { ApiBody, ApiOkResponse, ApiTags, DirectRoutes, malformed, Problems, Roles } from '#host';
import { splitTarget } from '#smart';
import { Body, Controller, HttpCode, Inject, type OnModuleInit, Post } from '@nestjs/common';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/schema';
import { GatewayMeans } from '../proxy/gateway-means.js';
import { Decisions, type DecidesWith, type RecordedDecision } from './decisions.js';

const Subject = Type.Object({
  type: Type.Literal('access-token'),
  id: Type.String({ description: 'Anything that names the caller to the enforcement point.' }),
  properties: Type.Object({
    token: Type.String({ minLength: 1, maxLength: 8_192 }),
    proof: Type.Optional(
      Type.String({
        description: 'The header `DPoP` of the request: what a token needs that is bound to a key. It counts once.',
        minLength: 1,
        maxLength: 8_192,
      }),
    ),
  }),
});
const Action = Type.Object({ name: Type.String({ description: 'The method of the request: `GET`.', maxLength: 16 }) });
const Resource = Type.Object({
  type: Type.Literal('fhir-request'),
  id: Type.String({ description: 'Path and query below the FHIR base: `/Observation?patient=p1`.', maxLength: 16_384 }),
  properties: Type.Optional(
    Type.Object({
      endpoint: Type.String({ description: 'The id of the FHIR endpoint; needed where there are several.' }),
    }),
  ),
});
const Evaluation = Type.Object({ subject: Subject, action: Action, resource: Resource });
const Evaluations = Type.Object({
  subject: Type.Optional(Subject),
  action: Type.Optional(Action),
  resource: Type.Optional(Resource),
  evaluations: Type.Optional(Type.Array(Type.Partial(Evaluation), { maxItems: 100 })),
  options: Type.Optional(
    Type.Object({
      evaluations_semantic: Type.Optional(
        Type.Union([
          Type.Literal('execute_all'),
          Type.Literal('deny_on_first_deny'),
          Type.Literal('permit_on_first_permit'),
        ]),
      ),
    }),
  ),
});
const evaluation = Compile(Evaluation);
const evaluations = Compile(Evaluations);

const Evaluated = Type.Object({
  decision: Type.Boolean(),
  context: Type.Object({
    reason: Type.String(),
    status: Type.Integer({ description: 'The HTTP status that fits.' }),
    retryAfterSeconds: Type.Optional(
      Type.Integer({ description: 'Of a call too many: when the application may call again.' }),
    ),
    nonce: Type.Optional(
      Type.String({ description: 'For the caller, as the header `DPoP-Nonce`: its next proof has to hold it.' }),
    ),
  }),
});
type Evaluated = Static<typeof Evaluated>;

/** Decisions as a service (AuthZEN Authorization API 1.0), for authenticated enforcement points. */
@Controller('access/v1')
@ApiTags('access')
export class EvaluationsController implements OnModuleInit {
  constructor(
    private readonly decisions: Decisions,
    @Inject(GatewayMeans)
    private readonly means: { readonly of: (endpoint: string | undefined) => DecidesWith | undefined },
    @Inject(DirectRoutes) private readonly direct: Pick<DirectRoutes, 'json'>,
  ) {}

  /** Enforcement points ask at every call that they let through (docs/adr/0024). */
  onModuleInit(): void {
    this.direct.json('/access/v1/evaluation', ['enforcement-point'], async (body) => await this.evaluate(body));
    this.direct.json('/access/v1/evaluations', ['enforcement-point'], async (body) => await this.evaluateAll(body));
  }

  /** Whether a request may be let in. `requires-gateway`: only the gateway could tell, by looking at the answer. */
  @Post('evaluation')
  @HttpCode(200)
  @ApiBody({ schema: Evaluation })
  @ApiOkResponse({ schema: Evaluated })
  @Problems(400, 401, 403, 413, 415, 500, 503)
  @Roles('enforcement-point')
  async evaluate(@Body() body: unknown): Promise<Evaluated> {
    if (!evaluation.Check(body)) throw malformed('This is no evaluation of an access token and a FHIR request.');
    return evaluated(await this.#decide(body));
  }

  /**
   * The same for several, each with what it does not say itself from the request (AuthZEN 1.0, Access Evaluations). Without any
   * in the list, or without a list, what the request says itself is the one that is asked for, and answered as one.
   */
  @Post('evaluations')
  @HttpCode(200)
  @ApiBody({
    schema: {
      type: 'object',
      description: 'What all have in common, and each with the rest; or one evaluation.',
      properties: { evaluations: { type: 'array', items: { type: 'object' } } },
    },
  })
  @ApiOkResponse({ schema: Type.Union([Type.Object({ evaluations: Type.Array(Evaluated) }), Evaluated]) })
  @Problems(400, 401, 403, 413, 415, 500, 503)
  @Roles('enforcement-point')
  async evaluateAll(@Body() body: unknown): Promise<{ readonly evaluations: readonly Evaluated[] } | Evaluated> {
    if (!evaluations.Check(body)) throw malformed('These are no evaluations of access tokens and FHIR requests.');
    const { evaluations: asked = [], options, ...defaults } = body;
    if (asked.length === 0) return await this.evaluate(defaults);
    const whole = asked.map((it) => ({ ...defaults, ...it }));
    const known = whole.filter((it) => evaluation.Check(it));
    if (known.length < whole.length) throw malformed('An evaluation lacks its subject, action or resource.');
    const semantic = options?.evaluations_semantic ?? 'execute_all';
    const decided: RecordedDecision[] = [];
    for (const each of known) {
      const decision = await this.#decide(each);
      decided.push(decision);
      const { allowed } = decision();
      if (semantic === 'deny_on_first_deny' && !allowed) break;
      if (semantic === 'permit_on_first_permit' && allowed) break;
    }
    // While the later ones were recorded, what the first rests on may have been closed.
    return { evaluations: decided.map(evaluated) };
  }

  async #decide({ subject, action, resource }: Static<typeof Evaluation>): Promise<RecordedDecision> {
    const target = splitTarget(resource.id, '');
    if (!target) throw malformed('The resource is no path below the FHIR base.');
    const means = this.means.of(resource.properties?.endpoint);
    if (!means) throw malformed('The resource names no FHIR endpoint of this service.');
    const { token, proof } = subject.properties;
    return await this.decisions.decide({ token, proof, method: action.name, ...target }, means);
  }
}

function evaluated(decided: RecordedDecision): Evaluated {
  const { allowed, reason, status, nonce, retryAfterSeconds } = decided();
  return {
    decision: allowed,
    context: {
      reason,
      status,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      ...(nonce === undefined ? {} : { nonce }),
    },
  };
}
