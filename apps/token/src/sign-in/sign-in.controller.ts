import { ApiExcludeController, Public } from '#host';
import { Controller, Get, Header, Headers, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PageErrors } from '../pages/page-errors.filter.js';
import { PersonSessions } from './person-sessions.js';

/** Where the OpenID provider sends people back. */
@Controller('oauth/sign-in')
@ApiExcludeController()
@Public()
@UseFilters(PageErrors)
export class SignInController {
  constructor(private readonly sessions: PersonSessions) {}

  /** OpenID Connect Core 1.0, 3.1.2.5. */
  @Get('callback')
  @Header('cache-control', 'no-store')
  async callback(
    @Req() request: FastifyRequest,
    @Headers('cookie') cookies: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const query = request.url.split('?').slice(1).join('?');
    const { returnTo, cookies: set } = await this.sessions.complete(query, cookies);
    await reply
      .status(303)
      .header('set-cookie', [...set])
      .header('location', returnTo)
      .send();
  }
}
