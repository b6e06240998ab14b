import type { Receipt } from '#enforcement';
import type { CommandAnswer } from '#event-log';
import { type Answer, answerCommand, VAULT, type Caller, type Succeeded } from '#host';
import type { Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';

/** Shows an application to a caller: whoever deals with its makers sees their contacts, which stand in the vault. */
@Injectable()
export class ApplicationPresenter {
  constructor(@Inject(VAULT) private readonly vault: Vault) {}

  /** The answer to a command whose outcome carries the application, for this caller; with the receipt, where there is one. */
  answer(
    answer: CommandAnswer,
    caller: Caller,
    { created, receipt }: { readonly created?: (answer: Succeeded) => string; readonly receipt?: Receipt } = {},
  ): Promise<Answer<unknown>> {
    return answerCommand(answer, {
      context: 'registration',
      resource: async ({ resource }) => {
        const shown = await this.present(resource, caller);
        return receipt === undefined || typeof shown !== 'object' ? shown : { ...shown, receipt };
      },
      ...(created && { created }),
    });
  }

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
