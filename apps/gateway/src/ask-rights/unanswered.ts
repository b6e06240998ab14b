import { NotAnswered } from '../answer/not-answered.js';
import { fhirError } from '../proxy/operation-outcome.js';

/** Nobody says whether something may be seen: then nothing leaves. */
export class Unanswered extends NotAnswered {
  /** @param why for the auditor: who was asked, and what came of it; nothing of what was asked about */
  constructor(
    why: string,
    options: ErrorOptions & {
      /** It was not there, or not able: what one question alone can bring about is not its fault. */
      readonly isItsFault?: boolean;
    } = {},
  ) {
    super(nobodyAnswers, why, options);
    this.isItsFault = options.isItsFault ?? false;
  }
  readonly isItsFault: boolean;
}

const nobodyAnswers = fhirError(
  503,
  'transient',
  'Who may see this is asked of somebody who does not answer now; without an answer nothing leaves.',
  { 'Retry-After': '5' },
);
