/** Something did not work: its message is for the person at the terminal, and the exit code is 1. */
export class Failure extends Error {
  override readonly name = 'Failure';
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
