import { bodyDigest, commandId, formatPosition } from '#contracts';
import type { CommandAnswer } from '#event-log';
import { VaultUnavailable } from '#vault';
import { Answer, expired } from '../answer/answer.js';
import { DatabaseUnavailable } from '../database/database-error.js';
import { ProblemException } from '../problem/problem-exception.js';
import { problemOfStatus } from '../problem/problem.js';
import { refusalToProblem } from '../problem/refusal.js';
import type { CommandRequest } from '../request/command-headers.js';

/** What a command takes from the request that brought it: spread it into `CommandPort.send`. */
export interface CommandOrigin {
  readonly id: string;
  readonly actor: string;
  readonly correlationId: string;
  readonly bodyDigest: string;
  readonly expectedVersion?: number;
}

/** The id of a retry is the id of its first try: SHA-256(caller, method, path, `Idempotency-Key`). */
export function newCommand(request: CommandRequest, body: unknown): CommandOrigin {
  const { caller, method, path, idempotencyKey, correlationId, expectedVersion } = request;
  return {
    id: commandId(caller.id, method, path, idempotencyKey),
    actor: caller.id,
    correlationId,
    bodyDigest: bodyDigest(body),
    ...(expectedVersion === undefined ? {} : { expectedVersion }),
  };
}

/** A command that succeeded. */
export type Succeeded = Extract<CommandAnswer, { status: 'succeeded' }>;

/**
 * The response to a command (api.md, REST conventions): 200 or, for a creation, 201 with the resource; 202 while there
 * is no outcome, or what it left cannot be shown now; a problem for a refusal, a failure or an expired command.
 * `resource` may shape what the outcome holds.
 */
export async function answerCommand(
  answer: CommandAnswer,
  of: {
    readonly context: string;
    readonly created?: (answer: Succeeded) => string;
    readonly resource?: (answer: Succeeded) => unknown;
  },
): Promise<Answer<unknown>> {
  switch (answer.status) {
    case 'succeeded':
      try {
        return await show(answer, of);
      } catch (error) {
        // It was carried out: 503, which says that nothing was done, would be a lie.
        if (isAway(error)) return Answer.accepted(of.context, answer.commandId);
        throw error;
      }
    case 'refused':
      throw refusalToProblem(answer.refusal);
    case 'pending':
      return Answer.accepted(of.context, answer.resourceId);
    case 'expired':
      throw expired();
    case 'failed':
      throw new ProblemException(problemOfStatus(500, 'The command could not be decided. It was not carried out.'));
  }
}

async function show(
  answer: Succeeded,
  {
    created,
    resource,
  }: { readonly created?: (answer: Succeeded) => string; readonly resource?: (answer: Succeeded) => unknown },
): Promise<Answer<unknown>> {
  const { version, position } = answer;
  const body = resource === undefined ? answer.resource : await resource(answer);
  const where = { version, position: formatPosition(position) };
  return created === undefined ? Answer.ok(body, where) : Answer.created(body, { ...where, location: created(answer) });
}

function isAway(error: unknown): boolean {
  return (
    error instanceof VaultUnavailable ||
    error instanceof DatabaseUnavailable ||
    (error instanceof ProblemException && error.problem.status === 503)
  );
}
