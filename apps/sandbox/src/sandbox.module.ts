import { BaseConfig, Log } from '#host';
import { Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { startSandbox } from './start-sandbox.js';

/** The sandbox in a service: mounted before the server listens. */
@Module({})
export class SandboxModule implements OnModuleInit {
  constructor(
    private readonly http: HttpAdapterHost,
    private readonly base: BaseConfig,
    private readonly log: Log,
  ) {}

  async onModuleInit(): Promise<void> {
    await startSandbox(this.http.httpAdapter.getInstance<FastifyInstance>(), this.base, this.log.for('sandbox'));
  }
}
