import type { CommandAnswer } from '#event-log';
import { Answer, ProblemException } from '#host';
import { Injectable } from '@nestjs/common';
import { Campaigns } from './campaigns.js';

/** What was decided is answered when the lists show it too. */
@Injectable()
export class ShownInTime {
  constructor(private readonly campaigns: Campaigns) {}

  /**
   * Gives `answer()` once the projection has what the command caused; 202 when that takes too long, since the command
   * was carried out and a 503 would deny it.
   */
  async orAccepted(command: CommandAnswer, answer: () => Promise<Answer<unknown>>): Promise<Answer<unknown>> {
    if (command.status !== 'succeeded') return await answer();
    try {
      await this.campaigns.reached([command.position]);
      return await answer();
    } catch (error) {
      if (error instanceof ProblemException && error.getStatus() === 503) {
        return Answer.accepted('review', command.commandId);
      }
      throw error;
    }
  }
}
