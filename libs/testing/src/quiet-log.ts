import type { LogSettings } from '#event-log';

/** How a test reaches the log that `isolate()` has given it. What goes wrong on the way is told to nobody. */
export function quietLog(
  { brokers, prefix }: { readonly brokers: string; readonly prefix: string },
  clientId = 'test',
): LogSettings {
  const silent = (): void => undefined;
  const sink = { debug: silent, info: silent, warn: silent, error: silent };
  return { brokers: brokers.split(','), clientId, prefix, sink };
}
