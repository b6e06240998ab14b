import { randomUUID } from 'node:crypto';
import { type AccessDecisionRecord, type ActivityRecord, formatPosition, UNKNOWN_APPLICATION } from '#contracts';
import type { EffectiveAccess } from '#access';
import type { ActivityPort, SpooledActivityPort } from '#event-log';
import { type FhirInteraction, serialiseScope } from '#smart';
import { VaultUnavailable } from '#vault';
import type { CallRights } from '../ask-rights/call-rights.js';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import type { CallDecision } from '../decide-call/decide-call.js';

/** A call as its records name it. */
export interface RecordedCall {
  readonly callId: string;
  readonly claims: AccessTokenClaims;
  readonly interaction: FhirInteraction;
  /** What the body of a Bundle says that it is. */
  readonly bundle?: 'batch' | 'transaction';
  /** Of an entry of a Bundle: the call that it came in. */
  readonly partOf?: string;
  readonly method: string;
  readonly correlationId: string;
  readonly clientAddress?: string;
  readonly userAgent?: string;
  /** It is let in whatever is decided of it, and its records say so (docs/adr/0023). */
  readonly observed?: true;
  /** Its records may wait on the disk while the log is away (docs/adr/0035). */
  readonly mayWait?: true;
  /** What others have to say of it beside its scopes; absent where nobody has. */
  readonly rights?: CallRights;
}

/** What is known of a call whose token does not count. */
export type UnbelievedCall = Pick<RecordedCall, 'method' | 'correlationId' | 'clientAddress' | 'userAgent'>;

/** So many patients a record names at most: the log has room for some 25,000 in one, and a Group may have more. */
const MOST_PATIENTS = 5_000;

/** So many records of calls that nobody vouches for may wait: a flood of bad tokens must not become one of records. */
const UNBELIEVED_WAITING = 100;

/** Cannot be recorded: nothing that depends on the record may leave. */
export class NotRecorded extends Error {
  override readonly name = 'NotRecorded';
  readonly code = 'not-recorded';
}

type Completed = Extract<ActivityRecord, { readonly type: 'access-completed' }>['data'];

/** What became of the data of a write. */
export type RecordedWrite = NonNullable<Completed['written']>;

/** What enforcement would have let leave of the answer to an observed call. */
export type RecordedObservation = NonNullable<Completed['observed']>;

/** Gives the random ids that stand for patients in the log. */
export interface PatientIds {
  /** @throws VaultUnavailable */
  readonly vaultIdOf: (patient: string) => Promise<string>;
  readonly onUnavailable: (error: VaultUnavailable) => void;
}

/** What is recorded of a decision. */
type Decided = readonly [
  call: RecordedCall,
  decision: CallDecision,
  access: Pick<EffectiveAccess, 'approvalVersion' | 'purposesOfUse'> | undefined,
  status?: number,
  /** Of a write: the ids on the FHIR server of those whom it is about, before and after. */
  patients?: readonly string[],
];

/** Writes what was decided and what left into the log. */
export class CallRecords {
  #unbelieved = 0;

  constructor(
    private readonly activity: ActivityPort,
    private readonly enforcementPoint: string,
    /** The id of the FHIR endpoint. */
    private readonly endpoint: string,
    private readonly patients: PatientIds,
    /** Where records go that may wait on the disk; absent where none may. */
    private readonly spooled?: SpooledActivityPort,
  ) {}

  static newCallId(): string {
    return randomUUID();
  }

  /**
   * Records a decision; gives the record's position once all in-sync replicas have it.
   *
   * @param status what the caller is told, when that is known by now
   * @throws NotRecorded
   */
  async decided(...what: Decided): Promise<string> {
    return (await this.decidedNaming(...what)).position;
  }

  /** As {@link decided}; says whether the record names all whom it was told, too. @throws NotRecorded */
  async decidedNaming(...what: Decided): Promise<{ readonly position: string; readonly namesAll: boolean }> {
    const { record, namesAll } = await this.#decision(...what);
    return { position: await this.#append(record, what[0]), namesAll };
  }

  /**
   * Records a decision where its call wants it: in the log, or while the log is away on the disk, and then without a
   * position.
   *
   * @throws NotRecorded
   */
  async decidedAsWanted(...what: Decided): Promise<string | undefined> {
    return await this.#appendAsWanted((await this.#decision(...what)).record, what[0]);
  }

  async #decision(...[call, decision, access, status, patients = []]: Decided): Promise<{
    readonly record: ActivityRecord;
    readonly namesAll: boolean;
  }> {
    const { approvalVersion, purposesOfUse = [] } = access ?? {};
    const { claims, interaction } = call;
    const isAllowed = decision.outcome === 'allow';
    const [scope] = decision.outcome === 'allow' ? decision.scopes.map(serialiseScope) : decision.wouldAllow;
    const patient = claims.patient === undefined ? undefined : await this.#vaultIdOf(claims.patient);
    const named = await this.#vaultIdsOf(patients);
    const namesAll = named.areAll;
    const data: AccessDecisionRecord = {
      callId: call.callId,
      ...(call.partOf === undefined ? {} : { partOf: call.partOf }),
      clientId: claims.clientId,
      tokenId: claims.tokenId,
      // A token of a grant is about a user, by the id that the vault gave them.
      ...(claims.grantId !== undefined && isVaultId(claims.subject) ? { userId: claims.subject } : {}),
      ...(patient === undefined ? {} : { patient }),
      endpoint: this.endpoint,
      enforcementPoint: this.enforcementPoint,
      method: call.method,
      ...whatWasAsked(interaction, call.bundle),
      ...(scope === undefined ? {} : { scope }),
      ...(approvalVersion === undefined ? {} : { approvalVersion }),
      ...(purposesOfUse.length === 0 ? {} : { purposesOfUse: [...purposesOfUse] }),
      ...(patients.length === 0 ? {} : { patients: named.ids }),
      ...(call.rights ? { rightsBy: [...call.rights.names] } : {}),
      reason: reasonOf(call, decision),
      ...(status === undefined ? {} : { status }),
      ...clientIn(call),
    };
    if (!call.observed) return { record: { type: isAllowed ? 'access-allowed' : 'access-denied', data }, namesAll };
    const observed = isAllowed ? 'allowed' : 'denied';
    return { record: { type: 'access-allowed', data: { ...data, observed } }, namesAll };
  }

  /** Records a call whose token does not count, as far as that can be done; nobody waits for it. */
  async unbelieved(call: UnbelievedCall, reason: string, status: number): Promise<void> {
    if (this.#unbelieved >= UNBELIEVED_WAITING) return;
    this.#unbelieved++;
    const data: AccessDecisionRecord = {
      callId: CallRecords.newCallId(),
      endpoint: this.endpoint,
      enforcementPoint: this.enforcementPoint,
      method: call.method.slice(0, 16),
      reason: `token: ${reason}`,
      status,
      ...clientIn(call),
    };
    const meta = { subject: UNKNOWN_APPLICATION, actor: 'unknown', correlationId: call.correlationId };
    try {
      await this.activity.append({ type: 'access-denied', data }, meta);
    } catch (cause) {
      throw new NotRecorded('a token that does not count could not be recorded', { cause });
    } finally {
      this.#unbelieved--;
    }
  }

  /** Records what became of a call that was let in. */
  async completed(
    call: RecordedCall,
    { written, observed, ...ended }: Omit<Completed, 'callId' | 'enforcementPoint' | 'patients' | 'rights'>,
    /** The ids on the FHIR server of the patients of what was returned or written. */
    patients: Iterable<string> = [],
  ): Promise<void> {
    const named = await this.#vaultIdsOf(patients);
    const data: Completed = {
      callId: call.callId,
      enforcementPoint: this.enforcementPoint,
      ...ended,
      patients: named.ids,
      ...(named.areAll ? {} : { patientsIncomplete: true }),
      ...(written === undefined ? {} : { written: withoutPerson(written) }),
      ...(call.rights && call.rights.tallies.length > 0
        ? { rights: call.rights.tallies.map((it) => ({ ...it })) }
        : {}),
      ...(call.observed ? { observed: observed ?? notLookedAt } : {}),
    };
    await this.#appendAsWanted({ type: 'access-completed', data }, call);
  }

  async #vaultIdsOf(patients: Iterable<string>): Promise<{ readonly ids: string[]; readonly areAll: boolean }> {
    const different = [...new Set(patients)];
    if (different.length === 0) return { ids: [], areAll: true };
    const found = await Promise.all(different.slice(0, MOST_PATIENTS).map((id) => this.#vaultIdOf(id)));
    const ids = found.filter((it) => it !== undefined);
    return { ids, areAll: ids.length === different.length };
  }

  /** The random id that stands for a patient in the log. Without the vault there is none: the record of the token has it. */
  async #vaultIdOf(patient: string): Promise<string | undefined> {
    try {
      return await this.patients.vaultIdOf(patient);
    } catch (error) {
      if (!(error instanceof VaultUnavailable)) throw error;
      this.patients.onUnavailable(error);
      return undefined;
    }
  }

  #append(record: ActivityRecord, call: RecordedCall): Promise<string> {
    return this.activity.append(record, metaOf(call)).then(({ position }) => formatPosition(position), notRecorded);
  }

  #appendAsWanted(record: ActivityRecord, call: RecordedCall): Promise<string | undefined> {
    if (!call.mayWait || !this.spooled) return this.#append(record, call);
    return this.spooled
      .append(record, metaOf(call))
      .then(({ position }) => position && formatPosition(position), notRecorded);
  }
}

function notRecorded(cause: unknown): never {
  throw new NotRecorded('the call could not be recorded', { cause });
}

function metaOf({ claims, correlationId }: RecordedCall) {
  return { subject: claims.applicationId, actor: `client:${claims.clientId}`, correlationId };
}

/** The header that names where a decision's record stands; none while it waits on the disk. */
export function positionHeader(position: string | undefined): Readonly<Record<string, string>> {
  return position === undefined ? {} : { 'Gatehouse-Position': position };
}

/** Nothing left that could be looked at. */
const notLookedAt: RecordedObservation = { outcome: 'unknown', withheld: 0 };

function reasonOf({ observed, interaction }: RecordedCall, decision: CallDecision): string {
  if (decision.outcome === 'allow') return allowedBecause(decision, interaction);
  return observed ? `observed, not refused: ${decision.reason}` : decision.reason;
}

function allowedBecause(
  { withheldBy = [] }: Extract<CallDecision, { readonly outcome: 'allow' }>,
  interaction: FhirInteraction,
): string {
  const all = interaction.kind === 'operation' ? `the scopes allow $${interaction.name}` : 'the scopes allow it';
  return withheldBy.length === 0 ? all : `${all}, but for what is withheld by: ${withheldBy.join(', ')}`;
}

function clientIn({
  clientAddress,
  userAgent,
}: UnbelievedCall): Pick<AccessDecisionRecord, 'clientAddress' | 'userAgent'> {
  return {
    ...(clientAddress === undefined ? {} : { clientAddress }),
    ...(userAgent === undefined ? {} : { userAgent: userAgent.slice(0, 512) }),
  };
}

function isVaultId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/** The id of a patient is a person's, so that it stays out of the log. */
function withoutPerson({ resourceId, ...written }: RecordedWrite): RecordedWrite {
  return resourceId === undefined || written.resourceType === 'Patient' ? written : { ...written, resourceId };
}

/** Type and id of what was asked for. The id of a patient is a person's, so that it stays out of the log. */
function whatWasAsked(
  interaction: FhirInteraction,
  bundle: RecordedCall['bundle'],
): Pick<AccessDecisionRecord, 'interaction' | 'resourceType' | 'resourceId'> {
  if (interaction.kind === 'unrecognised') return {};
  if (bundle !== undefined) return { interaction: bundle };
  const type = 'type' in interaction ? interaction.type : undefined;
  const id = 'id' in interaction && type !== 'Patient' ? interaction.id : undefined;
  return {
    interaction: interaction.kind,
    ...(type === undefined ? {} : { resourceType: type }),
    ...(id === undefined ? {} : { resourceId: id }),
  };
}
