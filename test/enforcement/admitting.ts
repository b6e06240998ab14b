import fc from 'fast-check';
import { Admissions } from '../../apps/gateway/src/admit-patients/admissions.js';
import type { UpstreamPort } from './answers-in-process.js';
import { GatewayInProcess } from './gateway-in-process.js';
import type { ModelAdmission } from './model.js';
import { ToldRegister } from './told-register.js';

const kinds = ['attribution', 'opt-in', 'opt-out'] as const;

export const anyAdmission: fc.Arbitrary<ModelAdmission> = fc
  .record({
    kind: fc.constantFrom(...kinds),
    said: fc.array(fc.constantFrom('permit', 'permit', 'deny', 'nothing'), { minLength: 3, maxLength: 3 }),
  })
  .map(({ kind, said }) => ({ kind, said: new Map(said.map((it, at) => [`p${at + 1}`, it])) }));

/** Gateways before one server that ask a register, one for each kind of admission. */
export class AdmittingGateways {
  readonly #register = new ToldRegister();
  readonly #byKind: ReadonlyMap<ModelAdmission['kind'], GatewayInProcess>;

  constructor(upstream: UpstreamPort) {
    this.#byKind = new Map(
      kinds.map((kind) => {
        const admissions = new Admissions([{ name: 'members', kind, register: this.#register }]);
        return [kind, new GatewayInProcess(upstream, [], [], {}, [], undefined, admissions)];
      }),
    );
  }

  get all(): readonly GatewayInProcess[] {
    return [...this.#byKind.values()];
  }

  /** The one where the register says this from now on. */
  where({ kind, said }: ModelAdmission): GatewayInProcess {
    for (const [patient, standing] of said) this.#register.said.set(patient, standing);
    const gateway = this.#byKind.get(kind);
    if (!gateway) throw new Error(`no gateway for ${kind}`);
    return gateway;
  }
}
