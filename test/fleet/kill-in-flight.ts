import { checkAnswers } from './audit-checker.js';
import { FhirCall } from './fhir-call.js';
import type { Fleet, FleetApplication } from './fleet.js';
import { paths } from './slow-upstream.js';
import { until } from './until.js';

/** What became of the calls that were under way when their gateway was killed. */
export interface KilledInFlight {
  /** How many had an answer, or its beginning, and how many had none. */
  readonly answered: number;
  readonly unanswered: number;
  /** Answers without their record, in words. */
  readonly faults: readonly string[];
}

/**
 * Sends so many calls at once to the gateway that has been there longest, a quarter of them for bodies that take a while
 * to leave, kills it as soon as some of them are answered, and looks for the record of each that was. Another gateway
 * takes its place.
 */
export async function killInFlight(
  fleet: Fleet,
  application: FleetApplication,
  { calls: count }: { readonly calls: number },
): Promise<KilledInFlight> {
  const [gateway] = fleet.gateways;
  if (!gateway) throw new Error('no gateway');
  const calls = Array.from({ length: count }, (_, at) =>
    FhirCall.start(gateway.process.port, at % 4 === 0 ? paths.medium : paths.quick, application.token),
  );
  const answered = () => calls.filter(({ status }) => status === 200).length;
  await until(() => answered() >= count / 10, answered);
  await fleet.killGateway();
  await Promise.all(calls.map(({ ended }) => ended));
  await fleet.addGateway();
  const faults = await checkAnswers(fleet, { application, calls });
  return { answered: answered(), unanswered: calls.filter(({ status }) => status === undefined).length, faults };
}
