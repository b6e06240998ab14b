/** Something did not work: its message is for the person at the terminal, and the exit code is 1. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
  readonly exitCode: number = 1;
}

/** What was given, as options or in the environment, is not enough or not right: nothing was tried, and the exit code is 2. */
export class NotUnderstood extends Failure {
  override readonly name = 'NotUnderstood';
  override readonly exitCode = 2;
}

/** The API answered, and refused. */
export class RequestRefused extends Failure {
  constructor(
    /** The HTTP status. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}
