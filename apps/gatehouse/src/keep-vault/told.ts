/** What a verb has done: for people by lines, for pipes as JSON. */
export interface Told {
  readonly data: object;
  readonly lines: readonly string[];
}

/** It cannot be done: the message is for the person at the terminal, and the exit code is 1. */
export class Failed extends Error {
  override readonly name = 'Failed';
}
