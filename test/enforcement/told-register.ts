import type { PatientRegister, Standing } from '../../apps/gateway/src/admit-patients/patient-register.js';
import { Unanswered } from '../../apps/gateway/src/ask-rights/unanswered.js';

/** A register that says what it is told to. */
export class ToldRegister implements PatientRegister {
  readonly said = new Map<string, Standing>();
  isAway = false;
  readonly asked: string[] = [];
  says = async (patients: readonly string[]) => {
    this.asked.push(...patients);
    if (this.isAway) throw new Unanswered('the register is away');
    return await Promise.resolve(this.said);
  };
  close = async () => await Promise.resolve();
}
