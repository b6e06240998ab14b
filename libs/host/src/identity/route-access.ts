import { applyDecorators, SetMetadata, type CustomDecorator } from '@nestjs/common';
import { ApiBearerAuth, ApiSecurity } from '../docs/described.js';
import type { Role } from './caller.js';

/** Who may call a route. */
export type RouteAccess =
  { readonly kind: 'public' } | { readonly kind: 'roles'; readonly roles: readonly [Role, ...Role[]] };

export const ROUTE_ACCESS = 'gatehouse:route-access';

/** The route is for callers who have one of these roles. On a method it replaces what the class says. */
export function Roles(...roles: [Role, ...Role[]]): MethodDecorator & ClassDecorator {
  return applyDecorators(setAccess({ kind: 'roles', roles }), ApiBearerAuth('identity'));
}

/** The route is for everyone, without a token; what authenticates by its own protocol (OAuth) is public here too. */
export function Public(): MethodDecorator & ClassDecorator {
  return applyDecorators(setAccess({ kind: 'public' }), ApiSecurity({}));
}

/** An empty role in api.md: owner, reviewer, auditor and operator. That a developer owns it is for the handler to check. */
export function AnyParty(): MethodDecorator & ClassDecorator {
  return Roles('developer', 'reviewer', 'auditor', 'operator');
}

function setAccess(access: RouteAccess): CustomDecorator {
  return SetMetadata(ROUTE_ACCESS, access);
}
