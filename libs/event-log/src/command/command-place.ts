/**
 * The id of a command resource: that of the command and, where it is known, the place of the copy that was sent, so that
 * any instance can look there.
 */
export interface CommandPlace {
  readonly commandId: string;
  readonly partition?: number;
  readonly offset?: bigint;
}

const FORM = /^([0-9a-f]{64})(?:-(\d{1,4})-(\d{1,18}))?$/;

/** The id of a command resource, as text: 64 hex digits, partition and offset. */
export function formatCommandPlace({ commandId, partition, offset }: CommandPlace): string {
  return partition === undefined || offset === undefined ? commandId : `${commandId}-${partition}-${offset}`;
}

/** Undefined for a text that is no id of a command resource. */
export function parseCommandPlace(text: string): CommandPlace | undefined {
  const [, commandId, partition, offset] = FORM.exec(text) ?? [];
  if (commandId === undefined) return undefined;
  return partition === undefined || offset === undefined
    ? { commandId }
    : { commandId, partition: Number(partition), offset: BigInt(offset) };
}
