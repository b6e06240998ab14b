import { Injectable, SetMetadata, applyDecorators, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiConsumes } from '../docs/described.js';
import type { FastifyRequest } from 'fastify';
import { unsupportedMediaType } from '../problem/problem-exception.js';

const CONSUMES = 'gatehouse:consumes';
const json = ['application/json'];

/** The media types of bodies that a route takes, where not JSON: `application/x-www-form-urlencoded`, or some `+json`. */
export function Consumes(...types: [string, ...string[]]): MethodDecorator & ClassDecorator {
  return applyDecorators(SetMetadata(CONSUMES, types), ApiConsumes(...types));
}

/** 415 for a body of a type that the route does not take, though the server could parse it. */
@Injectable()
export class MediaTypeGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const type = context
      .switchToHttp()
      .getRequest<FastifyRequest>()
      .headers['content-type']?.split(';', 1)[0]
      ?.trim()
      .toLowerCase();
    if (type === undefined || type === '') return true;
    const accepted =
      this.reflector.getAllAndOverride<string[] | undefined>(CONSUMES, [context.getHandler(), context.getClass()]) ??
      json;
    if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
    return true;
  }
}
