import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { BaseConfig } from '../config/base-config.js';
import { forbidden, unauthenticated } from '../problem/problem-exception.js';
import { Authenticator } from './authenticator.js';
import { setCaller } from './caller.js';
import { ROUTE_ACCESS, type RouteAccess } from './route-access.js';

/** Lets a request through to a route when its caller has one of the roles that the route names. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly base: BaseConfig,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<RouteAccess | undefined>(ROUTE_ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === undefined) throw forbidden('Nobody may call this.');
    if (access.kind === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { caller, withheld } = await this.authenticator.authenticate(request.raw);
    if (!access.roles.some((role) => caller.roles.includes(role))) {
      if (access.roles.some((role) => withheld.includes(role))) throw this.tooWeak();
      throw forbidden(`This is for the roles ${access.roles.join(', ')}.`);
    }
    setCaller(request, caller);
    return true;
  }

  /** RFC 9470 §3: the caller has the role, and has to sign in more strongly for it to count. */
  private tooWeak() {
    const { identityAcr } = this.base;
    return unauthenticated(
      'Your role needs a stronger sign-in.',
      'insufficient_user_authentication',
      identityAcr.length === 0 ? {} : { acr_values: identityAcr.join(' ') },
    );
  }
}
