import { VAULT, type Caller } from '#host';
import type { Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';

/** Shows an application to a caller: whoever deals with its makers sees their contacts, which stand in the vault. */
@Injectable()
export class ApplicationPresenter {
  constructor(@Inject(VAULT) private readonly vault: Vault) {}

  /** An application, as its decider shows it, for this caller; erased contacts are absent. */
  async present(application: unknown, caller: Caller): Promise<unknown> {
    if (!hasContacts(application)) return application;
    const { contacts: reference, ...shown } = application;
    const maySee =
      shown.ownerId === caller.id || caller.roles.includes('reviewer') || caller.roles.includes('operator');
    const contacts = maySee ? await this.vault.open(reference) : undefined;
    return contacts === undefined ? shown : { ...shown, contacts };
  }
}

function hasContacts(value: unknown): value is { readonly contacts: string; readonly ownerId: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'contacts' in value &&
    typeof value.contacts === 'string' &&
    'ownerId' in value
  );
}
