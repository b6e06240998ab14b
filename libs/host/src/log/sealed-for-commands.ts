import { NotAppended, type CommandAnswer } from '#event-log';
import type { Json, Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { Log } from '../logging/log.js';
import { VAULT } from '../vault/vault-provider.js';

/**
 * What is sealed in the vault before a command that refers to it is sent. Where the command leaves no reference to it
 * (it was refused, or repeated what an earlier try did with a value sealed then) it is deleted again.
 */
@Injectable()
export class SealedForCommands {
  constructor(
    @Inject(VAULT) private readonly vault: Vault,
    private readonly log: Log,
  ) {}

  /**
   * Sends a command with the reference to a sealed value; without a value, with none.
   *
   * @param refersTo whether an application, as the outcome shows it, still needs the value; it does if not given
   */
  async send(
    ownerId: string,
    value: Json | undefined,
    send: (reference: string | undefined) => Promise<CommandAnswer>,
    refersTo: (application: unknown) => boolean = () => true,
  ): Promise<CommandAnswer> {
    if (value === undefined) return send(undefined);
    const reference = await this.vault.seal(ownerId, value);
    try {
      const answer = await send(reference);
      if (!mayRefer(answer, refersTo)) await this.discard(reference);
      return answer;
    } catch (error) {
      if (error instanceof NotAppended) await this.discard(reference);
      throw error;
    }
  }

  private async discard(reference: string): Promise<void> {
    try {
      await this.vault.discard(reference);
    } catch (error) {
      // The caller's answer stands; the value stays until its owner is erased.
      this.log.warn('a sealed value that nothing refers to could not be deleted', error);
    }
  }
}

/** Where nobody knows what became of the command its reference may be in the log. */
function mayRefer(answer: CommandAnswer, refersTo: (application: unknown) => boolean): boolean {
  switch (answer.status) {
    case 'succeeded':
      return !answer.repeated && refersTo(answer.resource);
    case 'pending':
      return true;
    case 'refused':
    case 'expired':
    case 'failed':
      return false;
  }
}
