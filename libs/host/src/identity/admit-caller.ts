import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { BaseConfig } from '../config/base-config.js';
import { forbidden, unauthenticated } from '../problem/problem-exception.js';
import { Authenticator } from './authenticator.js';
import type { Caller, Role } from './caller.js';

/** Believes who calls, and looks whether they have a role that is needed. */
@Injectable()
export class CallerAdmission {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly base: BaseConfig,
  ) {}

  /** Throws a 400, 401, 403 or 503 problem. */
  async admit(request: IncomingMessage, roles: readonly Role[]): Promise<Caller> {
    const { caller, withheld } = await this.authenticator.authenticate(request);
    if (roles.some((role) => caller.roles.includes(role))) return caller;
    if (roles.some((role) => withheld.includes(role))) throw this.tooWeak();
    throw forbidden(`This is for the roles ${roles.join(', ')}.`);
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
