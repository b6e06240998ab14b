const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Only what is written as a UUID is asked for: anything else is no id of ours, and Postgres would refuse it. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}
