/** What the application asks for. */
export const ASKED: readonly string[] = ['system/Patient.rs', 'system/Observation.rs', 'system/Condition.rs'];
/** What the reviewer approves: less. */
export const APPROVED: readonly string[] = ['system/Patient.rs', 'system/Observation.rs'];
/** A call within the approval, and one outside it. */
export const WITHIN = 'Patient/patient-01';
export const OUTSIDE = 'Condition?patient=patient-01';
