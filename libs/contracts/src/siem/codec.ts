import { UndecodableRecord } from '../codec.js';
import { validatorOf } from '../validator-of.js';
import { type OcsfEvent, siem } from './contract.js';

const schemas = {
  6003: siem['api-activity'].schema,
  3002: siem.authentication.schema,
  3001: siem['account-change'].schema,
} as const;

/** An event as the topic for SIEMs keeps it: OCSF's JSON and nothing around it. */
export function encodeOcsf(event: OcsfEvent): string {
  return JSON.stringify(checked(event));
}

/** @throws UndecodableRecord for what is none of OCSF's classes that Gatehouse writes, or does not fit its class */
export function decodeOcsf(value: Buffer | string): OcsfEvent {
  try {
    return checked(JSON.parse(value.toString()));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UndecodableRecord('an OCSF event is no JSON');
    throw error;
  }
}

function checked(value: unknown): OcsfEvent {
  const ofClass = typeof value === 'object' && value !== null && 'class_uid' in value ? value.class_uid : undefined;
  const schema = ofClass === 6003 || ofClass === 3002 || ofClass === 3001 ? schemas[ofClass] : undefined;
  if (schema === undefined) throw new UndecodableRecord(`${String(ofClass)} is no class of OCSF that is written here`);
  const validator = validatorOf(schema);
  if (!validator.Check(value)) {
    const [, [first]] = validator.Errors(value);
    throw new UndecodableRecord(
      `an OCSF event does not fit its class: ${first?.instancePath ?? ''} ${first?.message ?? ''}`,
    );
  }
  return value as OcsfEvent; // Sound: it was just checked against its class.
}
