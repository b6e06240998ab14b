import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** The roles of api.md, Who may call. */
export const roles = ['developer', 'reviewer', 'auditor', 'operator', 'enforcement-point', 'launcher'] as const;

export type Role = (typeof roles)[number];

/** Who calls. `id` is the random id that stands for them in the log; the vault alone maps it to a person. */
export interface Caller {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly name?: string;
  readonly email?: string;
  readonly roles: readonly Role[];
}

const callers = new WeakMap<object, Caller>();

/** Notes who sent a request, once the guard has believed them. */
export function setCaller(request: FastifyRequest, caller: Caller): void {
  callers.set(request.raw, caller);
}

/** Who sent a request; throws on a route that is public, where nobody is known. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request.raw);
  if (caller === undefined) throw new Error('this route is public: it has no caller');
  return caller;
}

/** The caller, as a parameter of a controller's method. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller =>
  callerOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
