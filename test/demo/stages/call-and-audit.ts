import { must, until } from '../checks.js';
import { at, listAt, textAt } from '../json.js';
import type { Stage } from '../walk.js';
import { OUTSIDE, WITHIN } from '../what-is-asked.js';

export const callAndAudit: Stage = {
  title: 'One FHIR call is let through, one is refused, and both are on record',
  async run({ applicationId, auditor, program, say, token }) {
    const allowed = await until(
      'the gateway learns that access is open',
      () => program.fhir(WITHIN, token),
      ({ status }) => status === 200,
    );
    must(textAt(allowed.body, 'resourceType') === 'Patient', 'the patient comes back', allowed.body);
    say(`GET /fhir/${WITHIN}: 200`);
    const denied = await program.fhir(OUTSIDE, token);
    must(denied.status === 403, 'a search for conditions is refused', denied);
    must(textAt(denied.body, 'resourceType') === 'OperationOutcome', 'a refusal is an OperationOutcome', denied.body);
    say(`GET /fhir/${OUTSIDE}: 403, ${denied.headers.get('www-authenticate') ?? 'without a challenge'}`);
    must(allowed.position !== undefined && denied.position !== undefined, 'both answers name their audit record');

    for (const [type, position] of [
      ['access-allowed', allowed.position],
      ['access-denied', denied.position],
    ] as const) {
      const path = `/audit/records?applicationId=${applicationId}&type=${type}`;
      const { body } = await auditor.get(path, [position]);
      const record = listAt(body, 'items').find(
        (item) =>
          `${textAt(item, 'topic')}:${String(at(item, 'partition'))}:${String(at(item, 'offset'))}` === position,
      );
      must(record !== undefined, `the audit record at ${position} is there`, body);
      say(`audit: ${type} at ${position}: ${String(at(record, 'reason'))}`);
    }
  },
};
