import { RequestMethod, type INestApplicationContext } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { prototypeOf } from '../docs/prototype-of.js';
import { ROUTE_ACCESS, type RouteAccess } from './route-access.js';

/** A route as declared by a controller, with who may call it. */
export interface DeclaredRoute {
  readonly controller: string;
  readonly handler: string;
  readonly method: string;
  /** As the router has them: `/oauth/users/:id/revocation`. */
  readonly paths: readonly string[];
  readonly access: RouteAccess | undefined;
}

/** Every route of every controller of the application. */
export function declaredRoutes(app: INestApplicationContext): readonly DeclaredRoute[] {
  const scanner = new MetadataScanner();
  const routes: DeclaredRoute[] = [];
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prototype = prototypeOf(metatype);
      for (const name of scanner.getAllMethodNames(prototype)) {
        const handler: unknown = Reflect.get(prototype, name);
        if (typeof handler !== 'function' || Reflect.getMetadata(PATH_METADATA, handler) === undefined) continue;
        const method: unknown = Reflect.getMetadata(METHOD_METADATA, handler);
        const access = accessOf(handler) ?? accessOf(metatype);
        routes.push({
          controller: metatype.name,
          handler: name,
          paths: pathsOf(metatype).flatMap((above) =>
            pathsOf(handler).map((below) => `/${[...above, ...below].join('/')}`),
          ),
          method: typeof method === 'number' ? (RequestMethod[method] ?? '') : '',
          access,
        });
      }
    }
  }
  return routes;
}

/** The parts of each path that a decorator names. */
function pathsOf(target: object): readonly (readonly string[])[] {
  const paths: unknown = Reflect.getMetadata(PATH_METADATA, target);
  return [paths].flat().map((path) => (typeof path === 'string' ? path.split('/').filter((part) => part !== '') : []));
}

function accessOf(target: object): RouteAccess | undefined {
  const access: unknown = Reflect.getMetadata(ROUTE_ACCESS, target);
  return isAccess(access) ? access : undefined;
}

function isAccess(value: unknown): value is RouteAccess {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

/** Throws, naming them, if any route says neither its roles nor that it is public: such a service does not start. */
export function assertRoutesNameTheirRoles(app: INestApplicationContext): void {
  const silent = declaredRoutes(app).filter((route) => route.access === undefined);
  if (silent.length === 0) return;
  throw new Error(
    `these routes name no role (@Roles or @Public): ${silent.map((route) => `${route.controller}.${route.handler}`).join(', ')}`,
  );
}
