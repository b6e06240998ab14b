/** Where nobody keeps correlation ids. */
export const alone = <T>(_correlationId: string, work: () => T): T => work();
