import { membershipOf, type ResourceType, type ScopeContext } from '#smart';
import type { AskedResource, RightToSee } from '../ask-rights/right-to-see.js';
import { isAboutNobody } from './about-nobody.js';
import type { PatientRegister, Standing } from './patient-register.js';

/** What has to stand in a register about a patient before an application sees anything of them. */
export interface Admission {
  /** As records name it. */
  readonly name: string;
  /** `opt-out`: no objection; otherwise a permission. */
  readonly kind: 'attribution' | 'opt-in' | 'opt-out';
  /** Applications that were approved for one of these; all without. */
  readonly purposes?: readonly string[];
  /** Not those that were approved for nothing else. */
  readonly exceptPurposes?: readonly string[];
  readonly register: PatientRegister;
}

const everyContext: ReadonlySet<ScopeContext> = new Set(['system', 'user', 'patient']);
/** Whether the register answers is found out with a patient that nobody is. */
const NOBODY = 'gatehouse-nobody';
const none: readonly RightToSee[] = [];

/** Of which patients applications see anything at an endpoint. */
export class Admissions {
  constructor(private readonly all: readonly Admission[]) {}

  /**
   * What has to be asked in one call of an application.
   *
   * @param purposes what it was approved for: codes of v3 PurposeOfUse
   */
  of(clientId: string, purposes: readonly string[]): readonly RightToSee[] {
    if (this.all.length === 0) return none;
    return this.all.filter((it) => isNeeded(it, purposes)).map((it) => new AdmittedPatients(it, clientId, purposes));
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map(async ({ register }) => await register.close()));
  }
}

function isNeeded({ purposes: needing, exceptPurposes = [] }: Admission, approved: readonly string[]): boolean {
  const isExcepted = approved.length > 0 && approved.every((it) => exceptPurposes.includes(it));
  return !isExcepted && (needing === undefined || needing.some((it) => approved.includes(it)));
}

/** The patients who are admitted in one call: each is asked about once. */
class AdmittedPatients implements RightToSee {
  readonly contexts = everyContext;
  readonly #said = new Map<string, Promise<Standing>>();

  constructor(
    private readonly admission: Admission,
    private readonly clientId: string,
    private readonly purposes: readonly string[],
  ) {}

  get by(): string {
    return this.admission.name;
  }

  /** What was told of a patient holds for one call, and not for hours of one. */
  afresh(): AdmittedPatients {
    return new AdmittedPatients(this.admission, this.clientId, this.purposes);
  }

  /** What all patients share is nobody's. */
  concerns(type: ResourceType): boolean {
    return membershipOf(type).kind !== 'shared';
  }

  async ask(about: readonly AskedResource[]): Promise<readonly boolean[]> {
    const asked = about.flatMap(({ resource, patients }) => (resource ? patients : [NOBODY]));
    this.#askFor(asked);
    return await Promise.all(about.map(async (it) => await this.#admits(it)));
  }

  #askFor(patients: readonly string[]): void {
    const unknown = [...new Set(patients)].filter((id) => !this.#said.has(id));
    if (unknown.length === 0) return;
    const all = this.admission.register.says(unknown, this.clientId, this.purposes);
    for (const id of unknown)
      this.#said.set(
        id,
        all.then((each) => each.get(id) ?? 'nothing'),
      );
  }

  /** Whoever is named has to be admitted. What says not whom it is about is nobody's to give. */
  async #admits({ type, resource, patients, aboutOthers, belongs }: AskedResource): Promise<boolean> {
    const standings = await Promise.all(
      (resource ? patients : [NOBODY]).map(async (id) => await (this.#said.get(id) ?? Promise.resolve('nothing'))),
    );
    if (!resource || aboutOthers) return false;
    const { kind } = membershipOf(type);
    // What it belongs to was looked at.
    if (kind === 'linked') return belongs;
    if (kind === 'outside' && !isAboutNobody(type)) return false;
    if (patients.length === 0) return kind === 'outside';
    return standings.every((it) => (this.admission.kind === 'opt-out' ? it !== 'deny' : it === 'permit'));
  }
}
