import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { forbidden } from '../problem/problem-exception.js';
import { CallerAdmission } from './admit-caller.js';
import { setCaller } from './caller.js';
import { ROUTE_ACCESS, type RouteAccess } from './route-access.js';

/** Lets a request through to a route when its caller has one of the roles that the route names. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly admission: CallerAdmission,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<RouteAccess | undefined>(ROUTE_ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === undefined) throw forbidden('Nobody may call this.');
    if (access.kind === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    setCaller(request, await this.admission.admit(request.raw, access.roles));
    return true;
  }
}
