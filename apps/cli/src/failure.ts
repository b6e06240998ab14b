/** Something did not work: its message is for the person at the terminal, and the exit code is 1. */
export class Failure extends Error {
  override readonly name = 'Failure';
}
