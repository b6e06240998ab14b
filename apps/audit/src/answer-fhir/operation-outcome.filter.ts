import { ErrorTranslators, Log, type Problem, ProblemException, ProblemFilter, problemOfStatus } from '#host';
import type { OperationOutcome } from '@medplum/fhirtypes';
import { Catch, Injectable, type ArgumentsHost } from '@nestjs/common';
import { SearchRefused } from './search-parameters.js';

/** FHIR's words for a status (R4, issue-type). */
const CODES: Readonly<Record<number, string>> = {
  400: 'invalid',
  401: 'login',
  403: 'forbidden',
  404: 'not-found',
  429: 'throttled',
  503: 'transient',
};

/** Errors below `/audit/fhir`, as FHIR has them: an OperationOutcome in the place of a problem document. */
@Catch()
@Injectable()
export class OperationOutcomeFilter extends ProblemFilter {
  constructor(translators: ErrorTranslators, log: Log) {
    super(translators, log);
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    super.catch(
      error instanceof SearchRefused ? new ProblemException(problemOfStatus(400, error.message)) : error,
      host,
    );
  }

  protected override bodyOf(problem: Problem): { readonly type: string; readonly body: Buffer } {
    const outcome: OperationOutcome = {
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: issueType(problem.status), diagnostics: problem.detail ?? problem.title }],
    };
    return { type: 'application/fhir+json', body: Buffer.from(JSON.stringify(outcome)) };
  }
}

function issueType(status: number): NonNullable<OperationOutcome['issue']>[number]['code'] {
  return (CODES[status] ?? 'exception') as NonNullable<OperationOutcome['issue']>[number]['code'];
}
