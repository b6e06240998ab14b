import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { until } from '../demo/checks.js';
import { ClientApplication } from '../demo/client-application.js';
import type { Answer, Person } from '../demo/http.js';
import { at, textAt } from '../demo/json.js';
import { twoDigits } from './fhir-server.js';
import type { FhirServerApart } from './fhir-server-apart.js';
import type { OneRetry } from './one-retry.js';

const SCOPES = ['system/Patient.rs', 'system/Observation.rus'];
const FHIR_JSON = 'application/fhir+json';

/** A program that was let in: it asks for tokens, reads and writes at the FHIR API, and is asked about. */
export class ProgramUse {
  /** The ids of the access tokens that it was given. */
  readonly tokenIds: string[] = [];
  /** Where the records of its answered FHIR calls stand, as their answers said. */
  readonly calls: string[] = [];
  #token = '';
  #written = 0;
  #writes: Promise<void> | undefined;

  private constructor(
    readonly applicationId: string,
    private readonly clientId: string,
    private readonly program: ClientApplication,
    private readonly caller: OneRetry,
    private readonly fhir: FhirServerApart,
    private readonly pointToken: string,
    /** Two digits: the patient whose Observation it writes. */
    private readonly patient: string,
  ) {}

  /** Registers and approves a program, and waits until it gets a token that the gateway takes. */
  static async letIn(
    url: string,
    caller: OneRetry,
    people: { readonly developer: Person; readonly reviewer: Person },
    {
      fhir,
      pointToken,
      number,
    }: { readonly fhir: FhirServerApart; readonly pointToken: string; readonly number: number },
  ): Promise<ProgramUse> {
    const program = await ClientApplication.withNewKey(url);
    const registered = await people.developer.post('/registration/applications', backend(program), 201);
    const id = textAt(registered.body, 'id');
    const submitted = await people.developer.post(`/registration/applications/${id}/submission`, {});
    const queue = await people.reviewer.get(`/approval/reviews?applicationId=${id}&status=pending`, [
      submitted.position,
    ]);
    const decided = `/approval/reviews/${textAt(queue.body, 'items.0.id')}/decisions`;
    await people.reviewer.post(decided, { decision: 'approve', reason: 'It is part of a test.' });
    const use = new ProgramUse(
      id,
      textAt(registered.body, 'clientId'),
      program,
      caller,
      fhir,
      pointToken,
      twoDigits(number + 1),
    );
    const ok = ({ status }: Answer): boolean => status === 200;
    const { body } = await until(
      'the token endpoint learns of the approval',
      () => program.askForToken(use.clientId, SCOPES),
      ok,
    );
    use.#keep(body);
    await until('the gateway learns of it', () => program.fhir(`Patient/patient-${use.patient}`, use.#token), ok);
    return use;
  }

  /** The last position that a call of it was answered with. */
  get lastCall(): string | undefined {
    return this.calls.at(-1);
  }

  async askForToken(): Promise<void> {
    const answer = await this.caller.call('token', async () => ({
      path: '/oauth/token',
      ...(await this.program.tokenRequest(this.clientId, SCOPES)),
    }));
    if (answer) this.#keep(answer.body);
  }

  async introspect(): Promise<void> {
    const token = this.#token;
    const asked = { path: '/oauth/introspect', token: this.pointToken, form: { token } };
    const answer = await this.caller.call('introspection', () => asked);
    if (answer && at(answer.body, 'active') !== true)
      this.caller.uncured.push(`introspection: a token that counts is told ${JSON.stringify(answer.body)}`);
  }

  async read(): Promise<void> {
    await this.#fhir('FHIR read', 'GET', `Patient/patient-${this.patient}`);
  }

  async search(): Promise<void> {
    await this.#fhir('FHIR search', 'GET', `Observation?patient=patient-${this.patient}&category=laboratory`);
  }

  /** Updates its Observation, one update after the other. */
  async write(): Promise<void> {
    const before = this.#writes;
    const writing = (async () => {
      await before;
      const value = this.#written + 1;
      const answer = await this.#fhir('FHIR write', 'PUT', `Observation/${this.#observation}`, {
        resourceType: 'Observation',
        id: this.#observation,
        status: 'final',
        code: { text: 'How often it was written' },
        subject: { reference: `Patient/patient-${this.patient}` },
        valueQuantity: { value },
      });
      if (answer) this.#written = value;
    })();
    this.#writes = writing;
    await writing;
  }

  /**
   * What the FHIR server carried out, if that is not each update that was acknowledged, in their order: in words. One whose
   * answer was lost may stand there twice, since the retry of a `PUT` has no key.
   *
   * @param failures how many updates got no answer that says what became of them
   */
  async writesNotOnce(failures: number): Promise<string[]> {
    const carriedOut = await this.fhir.written(`Observation/${this.#observation}`);
    const inOrder = carriedOut.filter((value, index) => value !== carriedOut[index - 1]);
    const lost = inOrder.slice(0, this.#written).some((value, index) => value !== index + 1);
    const twice = carriedOut.length - inOrder.length;
    return [
      ...(lost || inOrder.length < this.#written
        ? [
            `${this.#observation}: ${String(this.#written)} updates were acknowledged, not all were carried out in order`,
          ]
        : []),
      ...(twice > failures ? [`${this.#observation}: ${String(twice)} updates were carried out twice`] : []),
    ];
  }

  get #observation(): string {
    return `observation-${this.patient}-laboratory`;
  }

  async #fhir(what: string, method: string, path: string, json?: object): Promise<Answer | undefined> {
    const answer = await this.caller.call(what, () => ({
      path: `/fhir/${path}`,
      method,
      token: this.#token,
      ...(json === undefined ? {} : { json }),
      headers: { accept: FHIR_JSON, ...(json === undefined ? {} : { 'content-type': FHIR_JSON }) },
    }));
    if (answer) this.calls.push(answer.position ?? `none of ${what}`);
    return answer;
  }

  #keep(tokenAnswer: unknown): void {
    this.#token = textAt(tokenAnswer, 'access_token');
    this.tokenIds.push(decodeJwt(this.#token).jti ?? '');
  }
}

/** What a backend service declares. */
export function backend(program: ClientApplication): object {
  return {
    name: `Ward round ${randomUUID().slice(0, 8)}`,
    kind: 'backend',
    clientType: 'confidential-asymmetric',
    scopes: SCOPES,
    purposesOfUse: [{ code: 'TREAT', justification: 'The ward reads and notes values.' }],
    jwks: { keys: [program.publicKey] },
  };
}
