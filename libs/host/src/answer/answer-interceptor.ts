import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';
import { Answer } from './answer.js';

/** Writes an `Answer`'s status and headers and passes its body on. */
@Injectable()
export class AnswerInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    return next.handle().pipe(
      map((result: unknown): unknown => {
        if (!(result instanceof Answer)) return result;
        const reply = context.switchToHttp().getResponse<FastifyReply>();
        reply.status(result.status).headers({ ...result.headers });
        const body: unknown = result.body;
        return body;
      }),
    );
  }
}
