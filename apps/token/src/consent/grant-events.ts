import { bodyDigest, commandId, token, type TokenCommand } from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { correlationId, InjectCommands } from '#host';
import { Injectable } from '@nestjs/common';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { UserGrants, type UserGrant } from './user-grants.js';

type GrantEnd = Extract<TokenCommand, { readonly type: 'revoke-grant' }>['data']['cause'];
/** A command that the log has decided. */
export type Succeeded = Extract<CommandAnswer, { readonly status: 'succeeded' }>;

/** Grants begin and end in the log; what stands in the database follows. */
@Injectable()
export class GrantEvents {
  constructor(
    @InjectCommands(token) private readonly commands: CommandPort<typeof token>,
    private readonly grants: UserGrants,
  ) {}

  /**
   * A user agreed.
   *
   * @param once what makes a second attempt the same one
   * @throws NotServing when it is not certain that the log has it; NotAppended
   */
  async consented(grant: UserGrant, approvalVersion: number, once: string): Promise<void> {
    const { grantId, userId, scopes, duration, context, applicationId } = grant;
    const data = {
      grantId,
      userId,
      scopes: [...scopes],
      duration,
      approvalVersion,
      ...(context.patientId === undefined ? {} : { patient: context.patientId }),
    };
    await this.send({ type: 'consent-grant', data }, applicationId, userId, once);
  }

  /**
   * A grant ends, at once and wherever it is enforced.
   *
   * @param meanwhile what is awaited while its refresh tokens are still known, so that whoever presents one again is
   * known to ask for the same; when it throws, they stay known
   */
  async revoke(
    grant: Pick<UserGrant, 'grantId' | 'applicationId'>,
    cause: GrantEnd,
    actor: string,
    meanwhile: (ended: Succeeded) => Promise<void> = () => Promise.resolve(),
    /** As somebody gave it. */
    reason?: string,
  ): Promise<Succeeded> {
    const { grantId, applicationId } = grant;
    const because = reason === undefined ? {} : { reason };
    const command = { type: 'revoke-grant', data: { grantId, cause, ...because } } as const;
    const once = reason === undefined ? grantId : JSON.stringify([grantId, reason]);
    const ended = await this.grants.end(grantId, () => this.send(command, applicationId, actor, once));
    await meanwhile(ended);
    await this.grants.forgetTokens(grantId);
    return ended;
  }

  private async send(command: TokenCommand, subject: string, actor: string, once: string): Promise<Succeeded> {
    const answer = await this.commands.send({
      ...command,
      subject,
      actor,
      correlationId: correlationId() ?? 'none',
      id: commandId(actor, 'POST', command.type, once),
      bodyDigest: bodyDigest(command.data),
    });
    if (answer.status !== 'succeeded') throw new NotServing(`the ${command.type} is ${answer.status}`);
    return answer;
  }
}
